use serde::Serialize;
use serde_with::skip_serializing_none;

use super::json::ParticipantBody;
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json, nothing, page};
use crate::operations::Operation;
use crate::rooms::{CallType, NewRoom, RecordingMode, Room};
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

fn room(body: &[u8]) -> Result<Room, DecodeFailure> {
    json(body)
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
    Call::v2(Operation::ListRooms, &[]).offset_and_limit(window).decode_with(page(window, "rooms"))
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
