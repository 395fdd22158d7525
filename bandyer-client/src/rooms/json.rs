//! Bodies and records of participants, which both API versions share.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::http::lenient;
use crate::rooms::{NewParticipant, Participant, Tools};
use crate::types::ids::UserId;
use crate::types::secret::JoinUrl;

#[skip_serializing_none]
#[derive(Serialize)]
pub(crate) struct ParticipantBody<'a> {
    user_id: &'a UserId,
    is_admin: bool,
    tools: Option<&'a Tools>,
}

impl<'a> From<&'a NewParticipant> for ParticipantBody<'a> {
    fn from(new: &'a NewParticipant) -> Self {
        Self { user_id: &new.user_id, is_admin: new.is_admin, tools: new.tools.as_ref() }
    }
}

/// Alternative names are separate fields instead of serde aliases, so that a response with two of them can be decoded
/// too.
#[derive(Deserialize)]
#[serde(try_from = "ParticipantFields")]
pub(crate) struct ParticipantRecord(Participant);

#[derive(Deserialize)]
struct ParticipantFields {
    #[serde(default, deserialize_with = "lenient::maybe")]
    user_id: Option<UserId>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    user: Option<UserId>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    id: Option<UserId>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    url: Option<JoinUrl>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<JoinUrl>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    access_link: Option<JoinUrl>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_admin: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    tools: Option<Tools>,
}

impl TryFrom<ParticipantFields> for ParticipantRecord {
    type Error = &'static str;

    fn try_from(fields: ParticipantFields) -> Result<Self, &'static str> {
        Ok(Self(Participant {
            user_id: fields.user_id.or(fields.user).or(fields.id).ok_or("a participant has no id")?,
            join_url: fields.url.or(fields.link).or(fields.access_link),
            is_admin: fields.is_admin,
            tools: fields.tools,
        }))
    }
}

impl From<ParticipantRecord> for Participant {
    fn from(record: ParticipantRecord) -> Self {
        record.0
    }
}
