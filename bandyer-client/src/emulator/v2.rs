//! The second generation: what it is asked and how it answers. Most fields of its answers are inferred from the first.

use http::StatusCode;
use serde_json::{Value, json};

use super::calls::Operation;
use super::input::{Input, window};
use super::refusal::Refusal;
use super::routes::Route;
use super::server::Asked;
use super::state::{EmulatedRoom, EmulatedUser, State};
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
        Operation::IssueCredential => credential(state, asked, V2)?,
    };
    let creates = matches!(route.operation, Operation::CreateUser | Operation::CreateRoom | Operation::IssueCredential);
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
    let participants: Vec<Value> = room
        .participants
        .iter()
        .map(|one| {
            let mut body = json!({"user_id": one.user_id, "is_admin": one.is_admin, "tools": tools_body(&one.tools)});
            if !room.disabled {
                body["url"] = one.link.expose().into();
            }
            body
        })
        .collect();
    let mut body = room_item(room);
    body["participants"] = participants.into();
    body
}

/// Without links: a list of them would open every room to whoever lists.
fn room_item(room: &EmulatedRoom) -> Value {
    json!({
        "id": room.id,
        "recording": room.recording,
        "recording_status": "stopped",
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
