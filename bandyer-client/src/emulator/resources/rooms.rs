//! Rooms and their people, as both generations write them.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Answer, Call, listed};
use crate::config::ApiVersion;
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{EmulatedConnection, EmulatedParticipant, EmulatedRoom, State, expanded, slice};
use crate::rooms::Recording;
use crate::sessions::ConnectionChange;

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Option<Answer>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    let is_v1 = version == ApiVersion::V1;
    Ok(Some(match call.operation() {
        Operation::CreateRoom => {
            let room = state.create_room(call.input()?.new_room(version)?)?;
            let body = if is_v1 { json!({"room": created_room(state, &room)}) } else { v2_body(state, &room) };
            Answer::created(version, body)
        }
        Operation::GetRoom => {
            let room = state.room(id)?;
            Answer::ok(if is_v1 { json!({"room": room_info(state, room)}) } else { v2_body(state, room) })
        }
        Operation::ListRooms => {
            let span = call.span()?;
            let item = |room| if is_v1 { v1_item(room) } else { v2_item(state, room) };
            listed(version, "rooms", span, state.list_rooms(span), item)
        }
        Operation::ListUserRooms => {
            let rooms = state.rooms_of_user(id);
            let rooms = slice(rooms.into_iter(), call.query().filter_span()?).items;
            let item = |room: &EmulatedRoom| {
                let mut body = json!({"room_id": room.id, "creation_date": format!("{:.3}", room.created_at)});
                mark_disabled(&mut body, room);
                body
            };
            Answer::ok(json!({"room_list": rooms.into_iter().map(item).collect::<Vec<_>>()}))
        }
        Operation::DisableRoom => {
            state.disable_room(id)?;
            Answer::ok(if is_v1 { closed(id, "disabled") } else { v2_body(state, state.room(id)?) })
        }
        Operation::DeleteRoom => {
            state.delete_room(id)?;
            Answer::ok(if is_v1 { closed(id, "deleted") } else { json!({"id": id}) })
        }
        Operation::StartRecording | Operation::StopRecording => {
            state.record(id, call.operation() == Operation::StartRecording)?;
            Answer::ok(v2_body(state, state.room(id)?))
        }
        Operation::RingRoom => {
            state.ring(id)?;
            Answer::ok(json!({"id": id}))
        }
        Operation::FastCall => {
            state.user(id, version)?;
            let callees = call.query().text("callee").unwrap_or_default();
            for callee in callees.split(',') {
                state.user(callee, version)?;
            }
            Answer::ok(json!({"url": state.call_link(false)}))
        }
        _ => return people(state, call),
    }))
}

fn people(state: &mut State, call: &Call<'_>) -> Result<Option<Answer>, Refusal> {
    let (id, user) = (call.id(0), call.id(1));
    Ok(Some(match call.operation() {
        Operation::ListParticipants => {
            let (span, admin) = (call.span()?, call.query().flag("is_admin")?);
            let room = state.room(id)?;
            let fits = |one: &&EmulatedParticipant| admin.is_none_or(|admin| one.is_admin == admin);
            let people = slice(room.participants.iter().filter(fits), span);
            listed(ApiVersion::V2, "participants", span, people, |one| participant_body(room, one))
        }
        Operation::AddParticipant => {
            let added = state.add_participant(id, call.input()?.new_participant()?)?;
            Answer::created(ApiVersion::V2, participant_body(state.room(id)?, &added))
        }
        Operation::GetParticipant => Answer::ok(participant_body(state.room(id)?, state.participant(id, user)?)),
        Operation::UpdateParticipant => {
            let changed = state.update_participant(id, user, call.input()?.participant_change()?)?;
            Answer::ok(participant_body(state.room(id)?, &changed))
        }
        Operation::RemoveParticipant => {
            state.remove_participant(id, user)?;
            Answer::ok(json!({"user_id": user}))
        }
        _ => return Ok(None),
    }))
}

fn closed(id: &str, what: &str) -> Value {
    json!({"room": {"room_id": id, "message": format!("Room {id} and all user links associated {what}")}})
}

/// Whole seconds of call time.
fn used(state: &State, room: &EmulatedRoom) -> i64 {
    room.used_by(state.now()).as_secs()
}

/// From when to when people were there, for those who have left.
fn stays(connections: &[EmulatedConnection]) -> Vec<Value> {
    let came = connections.iter().enumerate().filter(|(_, one)| one.change == ConnectionChange::Connected);
    came.filter_map(|(place, came)| {
        let left = connections[place + 1..].iter().find(|one| one.user_id == came.user_id)?;
        Some(json!({
            "user": came.user_id,
            "startTime": format!("{:.3}", came.at),
            "stopTime": format!("{:.3}", left.at),
            "seconds": left.at.duration_since(came.at).as_secs(),
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
            body["session"] = session.id.clone().into();
            body["creationDate"] = format!("{:.3}", session.started_at).into();
            body["users"] = session.participants.len().into();
            body["userEvents"] = session.connections.iter().map(event).collect();
            body["userActivities"] = stays(&session.connections).into();
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
                "tools": expanded(&one.tools),
                "is_admin": one.is_admin,
            })
        })
        .collect();
    json!({
        "room_id": room.id,
        // A number here and in `info`, a flag in `list`: so does the reference.
        "record": u8::from(room.recording != Recording::Off),
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
        "record": u8::from(room.recording != Recording::Off),
        "duration": room.duration.unwrap_or(0),
        "durationUsed": used(state, room),
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
        "record": room.recording != Recording::Off,
        "call_type": room.call_type,
        "live": room.live,
        "description": room.description,
        "status": room.status(),
        "creationDate": format!("{:.3}", room.created_at),
    });
    mark_disabled(&mut body, room);
    body
}

/// The key is absent, not false, while a room is usable.
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
    let mut body = json!({"user_id": one.user_id, "is_admin": one.is_admin, "tools": expanded(&one.tools)});
    if !room.disabled {
        body["url"] = one.link.expose().into();
    }
    body
}

/// Without links: a list of them would open every room to whoever lists.
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
        "duration_used": used(state, room),
        "live": room.live,
    })
}
