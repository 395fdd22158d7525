use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::json::{ParticipantBody, ParticipantRecord};
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json, nothing, page_of};
use crate::http::lenient;
use crate::operations::Operation;
use crate::rooms::{CallType, Description, NewRoom, Participant, RecordingMode, Room, RoomStatus};
use crate::types::ids::RoomId;
use crate::types::page::Page;
use crate::types::page::Window;

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    participants: Vec<ParticipantBody<'a>>,
    recording: Option<&'a RecordingMode>,
    call_type: Option<&'a CallType>,
    live: Option<bool>,
    duration: Option<u64>,
    description: Option<&'a str>,
    offline_transcription: Option<bool>,
}

#[derive(Deserialize)]
struct Record {
    id: Option<RoomId>,
    room_id: Option<RoomId>,
    #[serde(default, deserialize_with = "recording")]
    recording: Option<RecordingMode>,
    #[serde(default, deserialize_with = "lenient::text")]
    recording_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    call_type: Option<CallType>,
    #[serde(default, deserialize_with = "lenient::flag")]
    live: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<RoomStatus>,
    #[serde(default, deserialize_with = "lenient::flag")]
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "lenient::limit")]
    duration: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    duration_used: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::list")]
    participants: Vec<ParticipantRecord>,
}

/// `Off` is encoded as `none` in one place and as null in another. A flag is the encoding of v1.
fn recording<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<RecordingMode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Word(RecordingMode),
        Flag(bool),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Written>::deserialize(deserializer)? {
        None | Some(Written::Flag(false)) => Some(RecordingMode::Off),
        Some(Written::Flag(true)) => Some(RecordingMode::Automatic),
        Some(Written::Word(recording)) => Some(recording),
        Some(Written::Other(_)) => None,
    })
}

impl TryFrom<Record> for RoomRecord {
    type Error = &'static str;

    fn try_from(record: Record) -> Result<Self, &'static str> {
        Ok(Self(Room {
            id: record.id.or(record.room_id).ok_or("a room has no id")?,
            participants: record.participants.into_iter().map(Participant::from).collect(),
            call_type: record.call_type,
            recording: record.recording,
            recording_status: record.recording_status,
            description: record.description.map(Description::new),
            status: record.status,
            disabled: record.disabled,
            live: record.live,
            max_duration: record.duration,
            used_duration: record.duration_used,
            created_at: record.creation_date,
        }))
    }
}

/// A room, of which only the id is required.
#[derive(Deserialize)]
#[serde(try_from = "Record")]
struct RoomRecord(Room);

impl From<RoomRecord> for Room {
    fn from(record: RoomRecord) -> Self {
        record.0
    }
}

fn room(body: &[u8]) -> Result<Room, DecodeFailure> {
    json::<RoomRecord>(body).map(Room::from)
}

pub(crate) fn create(new: &NewRoom) -> Wire<Room> {
    let body = Body {
        participants: new.participants.iter().map(ParticipantBody::from).collect(),
        recording: new.recording.as_ref(),
        call_type: new.call_type.as_ref(),
        live: new.live,
        duration: new.max_duration.map(|duration| duration.as_secs()),
        description: new.description.as_deref(),
        offline_transcription: new.offline_transcription,
    };
    Call::v2(Operation::CreateRoom, &[]).json(&body).decode_with(room)
}

pub(crate) fn get(id: &RoomId) -> Wire<Room> {
    Call::v2(Operation::GetRoom, &[id.as_str()]).decode_with(room)
}

pub(crate) fn list(window: Window) -> Wire<Page<Room>> {
    Call::v2(Operation::ListRooms, &[]).offset_and_limit(window).decode_with(page_of!(window, rooms: RoomRecord))
}

pub(crate) fn disable(id: &RoomId) -> Wire<()> {
    Call::v2(Operation::DisableRoom, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn delete(id: &RoomId) -> Wire<()> {
    Call::v2(Operation::DeleteRoom, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn start_recording(id: &RoomId) -> Wire<()> {
    // Not idempotent: if a participant stopped the recording between two attempts, a retry would record against their
    // will.
    Call::v2(Operation::StartRecording, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn stop_recording(id: &RoomId) -> Wire<()> {
    Call::v2(Operation::StopRecording, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn ring(id: &RoomId) -> Wire<()> {
    Call::v2(Operation::RingRoom, &[id.as_str()]).decode_with(nothing)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{create, get};
    use crate::rooms::{NewParticipant, NewRoom, RecordingMode};
    use crate::types::ids::{RoomId, UserId};

    #[test]
    fn recording_is_sent_as_one_word() {
        let participants = ["d", "p"].map(|id| NewParticipant::new(UserId::new(id).unwrap())).to_vec();
        let new = NewRoom {
            recording: Some(RecordingMode::Off),
            max_duration: Some(Duration::from_secs(60)),
            live: Some(true),
            ..NewRoom::of(participants)
        };
        let wire = create(&new);
        let body: Value = wire.call.json_body();
        assert_eq!(
            body,
            json!({"participants": [{"user_id": "d", "is_admin": false}, {"user_id": "p", "is_admin": false}],
                   "recording": "none", "live": true, "duration": 60})
        );
        assert!(!wire.call.idempotent);
    }

    #[test]
    fn all_names_of_id_link_and_recording_are_decoded() {
        let read = |value: Value| (get(&RoomId::new("r").unwrap()).decoder)(value.to_string().as_bytes()).unwrap();
        for id in ["id", "room_id"] {
            for link in ["url", "link", "access_link"] {
                let room = read(json!({id: "room_1", "participants": [{"user_id": "d", link: "https://h/x"}]}));
                assert_eq!(room.id, "room_1");
                assert_eq!(room.participants[0].join_url.as_ref().unwrap().expose(), "https://h/x");
            }
        }
        assert_eq!(read(json!({"id": "r", "recording": null})).recording, Some(RecordingMode::Off));
        assert_eq!(read(json!({"id": "r", "recording": "manual"})).recording, Some(RecordingMode::Manual));
        assert_eq!(read(json!({"id": "r"})).recording, None);
    }
}
