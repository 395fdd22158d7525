use serde::Serialize;
use serde_with::skip_serializing_none;

use super::json::ParticipantBody;
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json_at, link, nothing, page};
use crate::operations::Operation;
use crate::rooms::{CallType, NewRoom, RecordingMode, Room};
use crate::types::ids::{RoomId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;
use crate::types::secret::JoinUrl;

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    participants: Vec<ParticipantBody<'a>>,
    recording: Option<bool>,
    recording_type: Option<&'a RecordingMode>,
    call_type: Option<&'a CallType>,
    live: Option<bool>,
    duration: Option<u64>,
    description: Option<&'a str>,
    #[serde(rename = "directCall")]
    direct_call: Option<bool>,
    #[serde(rename = "initiatorAlias")]
    initiator_alias: Option<&'a UserId>,
}

/// The field is missing, not false, while a room is usable.
fn not_disabled_unless_told(mut room: Room) -> Room {
    room.disabled.get_or_insert(false);
    room
}

fn room(body: &[u8]) -> Result<Room, DecodeFailure> {
    json_at(body, "room").map(not_disabled_unless_told)
}

fn rooms(window: Window, name: &'static str) -> impl Fn(&[u8]) -> Result<Page<Room>, DecodeFailure> + Send + Sync {
    let read = page(window, name);
    move |body| read(body).map(|page| page.map(not_disabled_unless_told))
}

pub(crate) fn create(new: &NewRoom) -> Wire<Room> {
    let recorded = new.recording.as_ref().filter(|recording| **recording != RecordingMode::Off);
    let body = Body {
        participants: new.participants.iter().map(ParticipantBody::from).collect(),
        recording: new.recording.as_ref().map(|_| recorded.is_some()),
        recording_type: recorded,
        call_type: new.call_type.as_ref(),
        live: new.live,
        duration: new.max_duration.map(|duration| duration.as_secs()),
        description: new.description.as_deref(),
        direct_call: new.skips_landing_page,
        initiator_alias: new.initiator.as_ref(),
    };
    Call::v1(Operation::CreateRoom, &[]).json(&body).decode_with(room)
}

pub(crate) fn get(id: &RoomId) -> Wire<Room> {
    Call::v1(Operation::GetRoom, &[id.as_str()]).decode_with(room)
}

pub(crate) fn list(window: Window) -> Wire<Page<Room>> {
    Call::v1(Operation::ListRooms, &[]).skip_and_limit(window).decode_with(rooms(window, "rooms"))
}

pub(crate) fn disable(id: &RoomId) -> Wire<()> {
    Call::v1(Operation::DisableRoom, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn delete(id: &RoomId) -> Wire<()> {
    Call::v1(Operation::DeleteRoom, &[id.as_str()]).decode_with(nothing)
}

/// This list has no `has_more`, so only a full page indicates that there may be more rooms.
pub(crate) fn of_user(user: &UserId, window: Window) -> Wire<Page<Room>> {
    Call::v1(Operation::ListUserRooms, &[user.as_str()]).filter_window(window).decode_with(rooms(window, "room_list"))
}

/// Not idempotent although it is a GET: it starts a call.
pub(crate) fn fast_call(caller: &UserId, callees: &[UserId], record: bool) -> Wire<JoinUrl> {
    let callees = callees.iter().map(UserId::as_str).collect::<Vec<_>>().join(",");
    Call::v1(Operation::FastCall, &[caller.as_str()])
        .query("callee", Some(callees))
        .query("record", Some(u8::from(record)))
        .decode_with(link)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{create, get, list};
    use crate::rooms::{CallType, NewParticipant, NewRoom, RecordingMode, RoomStatus, Tools};
    use crate::types::ids::{RoomId, UserId};
    use crate::types::page::Window;

    fn new_room() -> NewRoom {
        NewRoom::of(vec![
            NewParticipant::new(UserId::new("d").unwrap()).admin(true),
            NewParticipant::new(UserId::new("p").unwrap()).tools(Tools::none()),
        ])
    }

    fn body(new: &NewRoom) -> Value {
        create(new).call.json_body()
    }

    #[test]
    fn creation_is_not_idempotent_and_omits_unset_fields() {
        let wire = create(&new_room());
        assert!(!wire.call.idempotent);
        assert_eq!(
            body(&new_room()),
            json!({"participants": [
                {"user_id": "d", "is_admin": true},
                {"user_id": "p", "is_admin": false, "tools": {"chat": false, "screen_sharing": false,
                 "file_upload": false, "whiteboard": false, "snapshot": false, "live_edit": false,
                 "live_pointer": false, "present_to_everyone": false}}]})
        );
    }

    #[test]
    fn recording_is_sent_as_a_flag_and_a_kind() {
        for (recording, flag, kind) in [
            (RecordingMode::Off, json!(false), Value::Null),
            (RecordingMode::Automatic, json!(true), json!("automatic")),
            (RecordingMode::Manual, json!(true), json!("manual")),
        ] {
            let body = body(&NewRoom { recording: Some(recording), ..new_room() });
            assert_eq!((&body["recording"], &body["recording_type"]), (&flag, &kind));
        }
        let full = NewRoom {
            call_type: Some(CallType::AudioOnly),
            max_duration: Some(Duration::from_secs(120)),
            live: Some(false),
            description: Some("visit".into()),
            ..new_room()
        };
        let body = body(&full);
        assert_eq!(
            (&body["call_type"], &body["duration"], &body["live"], &body["description"]),
            (&json!("audio_only"), &json!(120), &json!(false), &json!("visit"))
        );
    }

    #[test]
    fn documented_response_is_decoded() {
        let response = json!({"room": {"room_id": "room_1", "record": 1, "duration": 120, "directCall": false,
            "call_type": "audio_video", "live": false, "description": "visit",
            "user_urls": [{"user": "doc-0007", "url": "https://h/connect/rest-call-handler/00",
                "tools": {"chat": true, "whiteboard": {"wb_pen": true}}, "is_admin": true}]}});
        let wire = get(&RoomId::new("room_1").unwrap());
        let room = (wire.decoder)(response.to_string().as_bytes()).unwrap();
        assert_eq!(room.max_duration, Some(Duration::from_secs(120)));
        assert_eq!((room.recording, room.disabled), (Some(RecordingMode::Automatic), Some(false)));
        let doctor = &room.participants[0];
        assert_eq!(doctor.join_url.as_ref().unwrap().expose(), "https://h/connect/rest-call-handler/00");
        assert!(doctor.tools.unwrap().whiteboard.pen && !doctor.tools.unwrap().whiteboard.text);
    }

    #[test]
    fn list_items_use_other_names_for_recording_and_date() {
        let response = json!({"skip": 20, "limit": 20, "has_more": false, "count": 1, "rooms": [
            {"room_id": "room_1", "record": false, "call_type": "audio_video", "live": true, "description": null,
             "status": "CLOSED", "creationDate": "2024-03-05T09:12:30.000Z", "disabled": true}]});
        let page = (list(Window { offset: 20, page_size: None }).decoder)(response.to_string().as_bytes()).unwrap();
        let room = &page.items[0];
        assert_eq!((page.offset, room.status.as_ref()), (20, Some(&RoomStatus::Closed)));
        assert_eq!((room.recording.as_ref(), room.disabled), (Some(&RecordingMode::Off), Some(true)));
        assert!(room.created_at.is_some() && room.description.is_none());
    }
}
