//! What callers send, as schemas. The limits are those that the handlers check.
//!
//! Handlers read bodies field by field, because they take what the predecessor's callers send: numbers as texts, names
//! of fields from older versions. These types say what a new caller should send.

#![expect(dead_code, reason = "only their schemas are used")]

use schemars::JsonSchema;

use super::operation::ID_PATTERN as ID;
use crate::api::credentials::{DEFAULT_LIFETIME_SECONDS, LIFETIME_SECONDS};
use crate::domain::ids::MAX_ID_CHARS;
use crate::domain::participants::COUNT;
use crate::domain::schedule::MIN_SECONDS;
use crate::http::validation::MAX_TEXT_CHARS;

/// No control characters.
const PLAIN: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// A teleconsultation to create. Its end is named in exactly one of two ways.
#[derive(JsonSchema)]
#[schemars(extend("oneOf" = [{"required": ["end_date"]}, {"required": ["duration_in_seconds"]}]))]
pub(in crate::api) struct NewTeleconsultation {
    /// Who takes part.
    participants: Participants,
    /// When it starts. A past start is taken.
    start_date: Moment,
    /// When it ends: at least 300 seconds after the start.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    end_date: Option<Moment>,
    /// How long it takes: instead of `end_date`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Seconds")]
    duration_in_seconds: Option<Seconds>,
}

/// What changes; the rest stays. At most one of the two names of the end.
#[derive(JsonSchema)]
#[schemars(extend("not" = {"required": ["end_date", "duration_in_seconds"]}))]
pub(in crate::api) struct TeleconsultationChange {
    /// Who takes part from now on: the whole list, not an addition.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Participants")]
    participants: Option<Participants>,
    /// When it starts. The end stays where it is unless it is named too.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    start_date: Option<Moment>,
    /// When it ends: at least 300 seconds after the start.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    end_date: Option<Moment>,
    /// How long it takes: instead of `end_date`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Seconds")]
    duration_in_seconds: Option<Seconds>,
}

/// Who takes part. A list of ids is for deployments with `AUTH_SERVICE`, which knows groups and names; the others say how
/// many there will be and who is known.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Participants {
    /// How many there will be, and those already known.
    Counted(CountedParticipants),
    /// Everybody's id, with `AUTH_SERVICE` alone.
    Ids(#[schemars(length(min = *COUNT.start(), max = *COUNT.end()))] Vec<PersonId>),
}

/// A person's id.
#[derive(JsonSchema)]
#[schemars(inline)]
struct PersonId(#[schemars(length(min = 1, max = MAX_ID_CHARS), regex(pattern = ID))] String);

/// How many will take part, and those already known. The vendor's room is made as soon as everybody is known; one of
/// them must then be a plus user.
#[derive(JsonSchema)]
struct CountedParticipants {
    /// How many will take part in the end.
    #[schemars(range(min = *COUNT.start(), max = *COUNT.end()))]
    number: u8,
    /// Those already known: each once, and no more than `number`.
    #[schemars(length(max = *COUNT.end()))]
    data: Vec<NewParticipant>,
}

/// A person who takes part.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct NewParticipant {
    /// The person's id, by which the person is recognised later; not `.` or `..`. Older callers name it
    /// `userExternalId`.
    #[schemars(length(min = 1, max = MAX_ID_CHARS), regex(pattern = ID))]
    user_id: String,
    /// The person's groups, at least one of them configured. A plus group wins. Older callers name it `group`. With
    /// `AUTH_SERVICE`, groups and name come from there.
    groups: Vec<Text>,
    /// The name to show.
    full_name: Text,
    /// The language of the front end, such as `it` or `en`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Text")]
    language: Option<Text>,
}

/// How long a credential serves.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CredentialRequest {
    /// Seconds from now.
    #[schemars(range(min = *LIFETIME_SECONDS.start(), max = *LIFETIME_SECONDS.end()))]
    #[schemars(skip_serializing_if = "Option::is_none", with = "u32", extend("default" = DEFAULT_LIFETIME_SECONDS))]
    expires_in: Option<u32>,
}

/// A form with a picture.
#[derive(JsonSchema)]
pub(in crate::api) struct BackgroundForm {
    /// The picture.
    #[schemars(extend("format" = "binary"))]
    virtual_background: String,
}

/// What changes about the company.
#[derive(JsonSchema)]
pub(in crate::api) struct SettingsChange {
    /// The alias of a picture, as its addition gave it.
    #[schemars(length(min = 1, max = 256), regex(pattern = PLAIN))]
    background_alias: String,
}

/// ISO 8601 with a zone, from 1970 to 9999; finer parts than milliseconds are dropped.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
struct Moment(String);

/// A number of seconds.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Seconds(#[schemars(range(min = MIN_SECONDS))] i64);

#[derive(JsonSchema)]
#[schemars(inline)]
struct Text(#[schemars(length(min = 1, max = MAX_TEXT_CHARS), regex(pattern = PLAIN))] String);
