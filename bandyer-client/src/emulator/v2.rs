//! The second generation: what it is asked and how it answers. Most fields of its answers are inferred from the first.

use http::StatusCode;
use serde_json::{Value, json};

use super::calls::Operation;
use super::input::{Input, admin_filter, window};
use super::refusal::Refusal;
use super::routes::Route;
use super::server::Asked;
use super::state::{EmulatedParticipant, EmulatedRoom, EmulatedUser, State};
use super::v1::{credential, tools_body};
use crate::config::ApiVersion;

const V2: ApiVersion = ApiVersion::V2;

pub(super) fn answer(state: &mut State, route: &Route, asked: &Asked<'_>) -> Result<(StatusCode, Value), Refusal> {
    let id = route.id.as_str();
    let body = match route.operation {
        Operation::CreateUser => user_body(&state.create_user(Input::parse(asked.body)?.new_user(V2)?)?),
        Operation::GetUser => user_body(state.user(id, V2)?),
        Operation::ListUsers => {
            let (offset, limit) = window(asked.query, "offset")?;
            let slice = state.list_users(offset, limit);
            let users: Vec<Value> = slice.items.into_iter().map(user_body).collect();
            json!({"users": users, "offset": offset, "limit": limit, "has_more": slice.has_more, "count": users.len()})
        }
        Operation::UpdateUser => user_body(&state.update_user(id, Input::parse(asked.body)?.user_change(V2)?, V2)?),
        Operation::DeleteUser => {
            state.delete_user(id, V2)?;
            json!({"id": id})
        }
        Operation::CreateRoom => room_body(&state.create_room(Input::parse(asked.body)?.new_room(V2)?)?),
        Operation::GetRoom => room_body(state.room(id)?),
        Operation::ListRooms => {
            let (offset, limit) = window(asked.query, "offset")?;
            let slice = state.list_rooms(offset, limit);
            let rooms: Vec<Value> = slice.items.into_iter().map(room_item).collect();
            json!({"rooms": rooms, "offset": offset, "limit": limit, "has_more": slice.has_more, "count": rooms.len()})
        }
        Operation::DisableRoom => {
            state.disable_room(id)?;
            room_body(state.room(id)?)
        }
        Operation::DeleteRoom => {
            state.delete_room(id)?;
            json!({"id": id})
        }
        Operation::ListParticipants => {
            let (offset, limit) = window(asked.query, "offset")?;
            let admin = admin_filter(asked.query)?;
            let room = state.room(id)?;
            let people = room.participants.iter().filter(|one| admin.is_none_or(|admin| one.is_admin == admin));
            let mut rest = people.skip(offset).map(|one| participant_body(room, one));
            let page: Vec<Value> = rest.by_ref().take(limit).collect();
            let has_more = rest.next().is_some();
            json!({"participants": page, "offset": offset, "limit": limit, "has_more": has_more, "count": page.len()})
        }
        Operation::AddParticipant => {
            let added = state.add_participant(id, Input::parse(asked.body)?.new_participant()?)?;
            participant_body(state.room(id)?, &added)
        }
        Operation::GetParticipant => participant_body(state.room(id)?, state.participant(id, &route.user)?),
        Operation::UpdateParticipant => {
            let changed = state.update_participant(id, &route.user, Input::parse(asked.body)?.participant_change()?)?;
            participant_body(state.room(id)?, &changed)
        }
        Operation::RemoveParticipant => {
            state.remove_participant(id, &route.user)?;
            json!({"user_id": route.user})
        }
        Operation::StartRecording | Operation::StopRecording => {
            state.record(id, route.operation == Operation::StartRecording)?;
            room_body(state.room(id)?)
        }
        Operation::RingRoom => {
            state.ring(id)?;
            json!({"id": id})
        }
        Operation::IssueCredential => credential(state, asked, V2)?,
    };
    let creates = matches!(
        route.operation,
        Operation::CreateUser | Operation::CreateRoom | Operation::AddParticipant | Operation::IssueCredential
    );
    Ok((if creates { StatusCode::CREATED } else { StatusCode::OK }, body))
}

fn user_body(user: &EmulatedUser) -> Value {
    json!({
        "id": user.id,
        "role": user.role,
        "language": user.language,
        "active": user.active,
        "allow_camera": user.camera,
        "avatar_url": null,
        "creation_date": format!("{:.3}", user.created_at),
    })
}

fn room_body(room: &EmulatedRoom) -> Value {
    let mut body = room_item(room);
    let people: Vec<Value> = room.participants.iter().map(|one| participant_body(room, one)).collect();
    body["participants"] = people.into();
    body
}

fn participant_body(room: &EmulatedRoom, one: &EmulatedParticipant) -> Value {
    let mut body = json!({"user_id": one.user_id, "is_admin": one.is_admin, "tools": tools_body(&one.tools)});
    if !room.disabled {
        body["url"] = one.link.expose().into();
    }
    body
}

/// Without links: a list of them would open every room to whoever lists.
fn room_item(room: &EmulatedRoom) -> Value {
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
        "duration_used": 0,
        "live": room.live,
    })
}
