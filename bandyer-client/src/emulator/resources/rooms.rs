//! Rooms and their participants, in the formats of both API versions.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{EmulatedConnection, EmulatedParticipant, EmulatedRoom, State, expand_tools, slice};
use crate::rooms::RecordingMode;
use crate::sessions::ConnectionChange;
use crate::types::api_version::ApiVersion;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    let is_v1 = version == ApiVersion::V1;
    Ok(Some(match call.operation() {
        Operation::CreateRoom => {
            let room = state.create_room(call.input()?.new_room(version)?)?;
            let body = if is_v1 { json!({"room": created_room(state, &room)}) } else { v2_body(state, &room) };
            ApiResponse::created(version, body)
        }
        Operation::GetRoom => {
            let room = state.room(id)?;
            ApiResponse::ok(if is_v1 { json!({"room": room_info(state, room)}) } else { v2_body(state, room) })
        }
        Operation::ListRooms => {
            let span = call.span()?;
            let item = |room| if is_v1 { v1_item(room) } else { v2_item(state, room) };
            list_response(version, "rooms", span, state.list_rooms(span), item)
        }
        Operation::ListUserRooms => {
            let rooms = state.rooms_of_user(id);
            let rooms = slice(rooms.into_iter(), call.query().filter_span()?).items;
            let item = |room: &EmulatedRoom| {
                let mut body = json!({"room_id": room.id, "creation_date": format!("{:.3}", room.created_at)});
                mark_disabled(&mut body, room);
                body
            };
            ApiResponse::ok(json!({"room_list": rooms.into_iter().map(item).collect::<Vec<_>>()}))
        }
        Operation::DisableRoom => {
            state.disable_room(id)?;
            ApiResponse::ok(if is_v1 { closed_body(id, "disabled") } else { v2_body(state, state.room(id)?) })
        }
        Operation::DeleteRoom => {
            state.delete_room(id)?;
            ApiResponse::ok(if is_v1 { closed_body(id, "deleted") } else { json!({"id": id}) })
        }
        Operation::StartRecording | Operation::StopRecording => {
            state.record(id, call.operation() == Operation::StartRecording)?;
            ApiResponse::ok(v2_body(state, state.room(id)?))
        }
        Operation::RingRoom => {
            state.ring(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        Operation::FastCall => {
            state.user(id, version)?;
            let callees = call.query().text("callee").unwrap_or_default();
            for callee in callees.split(',') {
                state.user(callee, version)?;
            }
            ApiResponse::ok(json!({"url": state.call_link(false)}))
        }
        _ => return handle_participants(state, call),
    }))
}

fn handle_participants(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, user) = (call.id(0), call.id(1));
    Ok(Some(match call.operation() {
        Operation::ListParticipants => {
            let (span, admin) = (call.span()?, call.query().flag("is_admin")?);
            let room = state.room(id)?;
            let fits = |one: &&EmulatedParticipant| admin.is_none_or(|admin| one.is_admin == admin);
            let people = slice(room.participants.iter().filter(fits), span);
            list_response(ApiVersion::V2, "participants", span, people, |one| participant_body(room, one))
        }
        Operation::AddParticipant => {
            let added = state.add_participant(id, call.input()?.new_participant()?)?;
            ApiResponse::created(ApiVersion::V2, participant_body(state.room(id)?, &added))
        }
        Operation::GetParticipant => ApiResponse::ok(participant_body(state.room(id)?, state.participant(id, user)?)),
        Operation::UpdateParticipant => {
            let changed = state.update_participant(id, user, call.input()?.participant_change()?)?;
            ApiResponse::ok(participant_body(state.room(id)?, &changed))
        }
        Operation::RemoveParticipant => {
            state.remove_participant(id, user)?;
            ApiResponse::ok(json!({"user_id": user}))
        }
        _ => return Ok(None),
    }))
}

fn closed_body(id: &str, what: &str) -> Value {
    json!({"room": {"room_id": id, "message": format!("Room {id} and all user links associated {what}")}})
}

/// Call time used, in whole seconds.
fn used_seconds(state: &State, room: &EmulatedRoom) -> i64 {
    room.used_at(state.now()).as_secs()
}

/// The intervals in which users were connected; users still connected are left out.
fn presence_intervals(connections: &[EmulatedConnection]) -> Vec<Value> {
    let joined = connections.iter().enumerate().filter(|(_, one)| one.change == ConnectionChange::Connected);
    joined
        .filter_map(|(index, joined)| {
            let left = connections[index + 1..].iter().find(|one| one.user_id == joined.user_id)?;
            Some(json!({
                "user": joined.user_id,
                "startTime": format!("{:.3}", joined.at),
                "stopTime": format!("{:.3}", left.at),
                "seconds": left.at.duration_since(joined.at).as_secs(),
            }))
        })
        .collect()
}

/// The statistics of v1.
fn dial_info(state: &State, room: &EmulatedRoom) -> Value {
    let parts = |time: SignedDuration| json!({"hours": time.as_hours(), "minutes": time.as_mins() % 60, "seconds": time.as_secs() % 60});
    let of_room = || state.all_sessions().filter(|session| session.room_id == room.id);
    let details: Vec<Value> = of_room()
        .map(|session| {
            let event = |one: &EmulatedConnection| {
                let words = match one.change {
                    ConnectionChange::Connected => "user connected",
                    ConnectionChange::Crashed => "user crashed",
                    _ => "user disconnected",
                };
                json!({"user": one.user_id, "timestamp": format!("{:.3}", one.at), "event": words})
            };
            let mut body = parts(session.duration().unwrap_or_default());
            body["session"] = session.id.as_str().into();
            body["creationDate"] = format!("{:.3}", session.started_at).into();
            body["users"] = session.participants.len().into();
            body["userEvents"] = session.connections.iter().map(event).collect();
            body["userActivities"] = presence_intervals(&session.connections).into();
            body
        })
        .collect();
    let total = of_room().filter_map(|session| session.duration()).fold(SignedDuration::ZERO, |sum, one| sum + one);
    let mut sessions = parts(total);
    sessions["number"] = details.len().into();
    sessions["users"] = room.participants.len().into();
    sessions["details"] = details.into();
    json!({"sessions": sessions})
}

fn created_room(state: &State, room: &EmulatedRoom) -> Value {
    let urls: Vec<Value> = room
        .participants
        .iter()
        .map(|one| {
            json!({
                "user": one.user_id,
                "url": state.v1_link(room, one),
                "tools": expand_tools(&one.tools),
                "is_admin": one.is_admin,
            })
        })
        .collect();
    json!({
        "room_id": room.id,
        // A number here and in `info`, a flag in `list`, as in the reference.
        "record": u8::from(room.recording != RecordingMode::Off),
        "duration": room.duration.unwrap_or(0),
        "directCall": room.direct,
        "call_type": room.call_type,
        "live": room.live,
        "description": room.description,
        "user_urls": urls,
    })
}

fn room_info(state: &State, room: &EmulatedRoom) -> Value {
    let urls: Vec<Value> = room
        .participants
        .iter()
        .filter(|_| !room.disabled)
        .map(|one| json!({"user": one.user_id, "url": state.v1_link(room, one)}))
        .collect();
    let mut body = json!({
        "room_id": room.id,
        "record": u8::from(room.recording != RecordingMode::Off),
        "duration": room.duration.unwrap_or(0),
        "durationUsed": used_seconds(state, room),
        "call_type": room.call_type,
        "live": room.live,
        "description": room.description,
        "status": room.status(),
        "creationDate": format!("{:.3}", room.created_at),
        "user_urls": urls,
        "dialInfo": dial_info(state, room),
    });
    mark_disabled(&mut body, room);
    body
}

fn v1_item(room: &EmulatedRoom) -> Value {
    let mut body = json!({
        "room_id": room.id,
        "record": room.recording != RecordingMode::Off,
        "call_type": room.call_type,
        "live": room.live,
        "description": room.description,
        "status": room.status(),
        "creationDate": format!("{:.3}", room.created_at),
    });
    mark_disabled(&mut body, room);
    body
}

/// The field is absent, not false, while a room is usable.
fn mark_disabled(body: &mut Value, room: &EmulatedRoom) {
    if room.disabled {
        body["disabled"] = true.into();
    }
}

fn v2_body(state: &State, room: &EmulatedRoom) -> Value {
    let mut body = v2_item(state, room);
    let people: Vec<Value> = room.participants.iter().map(|one| participant_body(room, one)).collect();
    body["participants"] = people.into();
    body
}

fn participant_body(room: &EmulatedRoom, one: &EmulatedParticipant) -> Value {
    let mut body = json!({"user_id": one.user_id, "is_admin": one.is_admin, "tools": expand_tools(&one.tools)});
    if !room.disabled {
        body["url"] = one.link.expose().into();
    }
    body
}

/// Without links: a list that contains them would give its reader access to every room.
fn v2_item(state: &State, room: &EmulatedRoom) -> Value {
    json!({
        "id": room.id,
        "recording": room.recording,
        "recording_status": if room.is_recording { "started" } else { "stopped" },
        "call_type": room.call_type,
        "description": room.description,
        "status": room.status(),
        "disabled": room.disabled,
        "creation_date": format!("{:.3}", room.created_at),
        "duration": room.duration.unwrap_or(0),
        "duration_used": used_seconds(state, room),
        "live": room.live,
    })
}
