//! The participants of a teleconsultation: reading the list, and adding one.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::idempotency::keyed;
use super::openapi::failures::{always, of_bodies, of_keys, of_the_store, of_the_vendor};
use super::openapi::operation::{BodyDescription, Context, Operation, Success, Tag, patient};
use super::state::ApiState;
use super::values::{PersonId, Text};
use super::{Request, Result, caller, teleconsultations};
use crate::domain::participants::{COUNT, ParticipantList, Profile, RequestedParticipant};
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::http::validation::RequestBody;

/// Names of fields that older callers use.
pub(super) const OLDER_NAMES: &[(&str, &str)] = &[("userId", "userExternalId"), ("groups", "group")];

/// Who takes part, where callers describe people themselves.
pub(super) type DescribedParticipants = Participants<NewParticipant, Refused>;
/// Who takes part, where the auth service knows groups and names.
pub(super) type KnownParticipants = Participants<KnownParticipant, Vec<KnownParticipant>>;

/// Who takes part. A list of ids is for deployments with `AUTH_SERVICE`, which knows groups and names; the others say how
/// many there will be and who is known.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged, rename = "Participants")]
pub(super) enum Participants<P, L> {
    /// How many there will be, and those already known.
    Object(CountedParticipants<P>),
    /// The ids of all participants, with `AUTH_SERVICE` alone.
    Array(#[schemars(with = "Vec<PersonId>", length(min = *COUNT.start(), max = *COUNT.end()))] L),
}

/// How many will take part, and those already known. The vendor's room is created as soon as all are known; one of them
/// must then be a plus user.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CountedParticipants")]
pub(super) struct CountedParticipants<P> {
    /// How many will take part in the end.
    #[schemars(with = "u8", range(min = *COUNT.start(), max = *COUNT.end()))]
    number: i64,
    /// Those already known: each once, and no more than `number`.
    #[schemars(length(max = *COUNT.end()))]
    data: Vec<P>,
}

/// A person who takes part.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewParticipant {
    /// The person's id, by which the person is recognised later; not `.` or `..`. Older callers name it
    /// `userExternalId`.
    user_id: PersonId,
    /// The language of the front end, such as `it` or `en`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Text")]
    language: Option<Text>,
    /// The person's groups, at least one of them configured. A plus group wins. Older callers name it `group`. With
    /// `AUTH_SERVICE`, groups and name come from there.
    #[schemars(with = "Vec<Text>")]
    groups: Groups,
    /// The name to show.
    full_name: Text,
}

/// One group or several.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Groups {
    Scalar(Text),
    Array(Vec<Text>),
}

/// A person that the auth service knows: the id alone, or with fields of which most are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KnownParticipant {
    Object(KnownPerson),
    Scalar(PersonId),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownPerson {
    user_id: PersonId,
    language: Option<Text>,
}

/// No list of ids can be read where groups and names have to come from the caller.
pub(super) enum Refused {}

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(D::Error::custom("be object: a list of ids alone needs an auth service"))
    }
}

impl RequestBody for NewParticipant {
    const OLDER_NAMES: &'static [(&'static str, &'static str)] = OLDER_NAMES;
}

impl RequestBody for KnownParticipant {
    const OLDER_NAMES: &'static [(&'static str, &'static str)] = OLDER_NAMES;
}

impl From<NewParticipant> for RequestedParticipant {
    fn from(new: NewParticipant) -> Self {
        let groups = match new.groups {
            Groups::Scalar(Text(group)) => vec![group],
            Groups::Array(groups) => groups.into_iter().map(|Text(group)| group).collect(),
        };
        let language = new.language.map(|Text(language)| language);
        let profile = Some(Profile { groups, full_name: new.full_name.0 });
        Self { external_id: new.user_id.0, language, profile }
    }
}

impl From<KnownParticipant> for RequestedParticipant {
    fn from(known: KnownParticipant) -> Self {
        let (PersonId(external_id), language) = match known {
            KnownParticipant::Object(person) => (person.user_id, person.language),
            KnownParticipant::Scalar(id) => (id, None),
        };
        Self { external_id, language: language.map(|Text(language)| language), profile: None }
    }
}

impl From<DescribedParticipants> for ParticipantList<RequestedParticipant> {
    fn from(participants: DescribedParticipants) -> Self {
        match participants {
            Participants::Object(counted) => counted.into(),
            Participants::Array(refused) => match refused {},
        }
    }
}

impl From<KnownParticipants> for ParticipantList<RequestedParticipant> {
    fn from(participants: KnownParticipants) -> Self {
        match participants {
            Participants::Object(counted) => counted.into(),
            Participants::Array(all) => Self { number: all.len(), known: all.into_iter().map(Into::into).collect() },
        }
    }
}

impl<P: Into<RequestedParticipant>> From<CountedParticipants<P>> for ParticipantList<RequestedParticipant> {
    fn from(counted: CountedParticipants<P>) -> Self {
        // A number that does not fit is outside the range that the rules check.
        let number = usize::try_from(counted.number).unwrap_or(0);
        Self { number, known: counted.data.into_iter().map(Into::into).collect() }
    }
}

pub(super) async fn add(api: &Arc<ApiState>, request: &Request) -> Result {
    let id = teleconsultations::id(request)?;
    let one = if api.parts.profiles.is_caller() {
        request.read::<NewParticipant>()?.into()
    } else {
        request.read::<KnownParticipant>()?.into()
    };
    api.parts.use_cases.add_participant(id, one, keyed(request, &caller(api, request))?).await?;
    Ok(Response::empty(StatusCode::CREATED))
}

pub(super) fn add_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), of_keys(), always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("The last participant is missing, and none is a plus user.", context.refusal(Refusal::NoPlusUser)),
        ("There is no such teleconsultation.", ApiError::not_found()),
        ("All participants are known already.", context.refusal(Refusal::AlreadyComplete)),
    ]);
    Operation {
        id: "addParticipant",
        tag: Tag::Teleconsultations,
        summary: "Add a participant",
        description: "The last one makes the list complete, and the vendor's room is created.",
        query: Vec::new(),
        body: Some(BodyDescription::json(context.schema::<NewParticipant>(), patient())),
        success: Success::empty(StatusCode::CREATED, "The person takes part."),
        failures,
    }
}
