//! Bodies and encodings, which both API versions share.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::rooms::{NewParticipant, Tools};
use crate::types::ids::UserId;

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

/// How the call is recorded: a word in v2; in v1 a flag, under two names, beside which there may be a word.
pub(crate) mod recording {
    use serde_json::Value;

    use crate::rooms::RecordingMode;
    use crate::types::model::{Field, Fields};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<RecordingMode> {
        match fields.first(&["record", "recording"]) {
            Some(false) => Some(RecordingMode::Off),
            Some(true) => Some(fields.first(&["recording_type"]).unwrap_or(RecordingMode::Automatic)),
            // `Off` is encoded as `none` in one place of v2 and as null in another.
            None if fields.get("recording").is_some_and(Value::is_null) => Some(RecordingMode::Off),
            None => fields.first(names),
        }
    }

    pub(crate) fn write(recording: &Option<RecordingMode>) -> Option<Value> {
        recording.write()
    }
}
