//! The first generation: what it is asked and how it answers. Shapes are those of the v1.37 reference.

use http::StatusCode;
use serde_json::{Value, json};

use super::calls::Operation;
use super::input::{Input, window};
use super::refusal::Refusal;
use super::routes::Route;
use super::server::Asked;
use super::state::{EmulatedRoom, EmulatedUser, State};
use super::token;
use crate::config::ApiVersion;
use crate::rooms::{Recording, Tools, Whiteboard};

const V1: ApiVersion = ApiVersion::V1;

pub(super) fn answer(state: &mut State, route: &Route, asked: &Asked<'_>) -> Result<(StatusCode, Value), Refusal> {
    let id = route.id.as_str();
    let body = match route.operation {
        Operation::CreateUser => {
            let user = state.create_user(Input::parse(asked.body)?.new_user(V1)?)?;
            json!({"user": user_body(&user), "id": user.id})
        }
        Operation::GetUser => json!({"user": user_body(state.user(id, V1)?)}),
        Operation::ListUsers => {
            let ids: Vec<String> = state.users().into_iter().map(|user| user.id).collect();
            json!({"user_id_list": ids})
        }
        Operation::UpdateUser => {
            let user = state.update_user(id, Input::parse(asked.body)?.user_change(V1)?, V1)?;
            let mut body = user_body(&user);
            body["active"] = user.active.into();
            json!({"user": body})
        }
        Operation::DeleteUser => {
            state.delete_user(id, V1)?;
            json!({"id": id, "message": "user deleted"})
        }
        Operation::CreateRoom => {
            let room = state.create_room(Input::parse(asked.body)?.new_room(V1)?)?;
            json!({"room": created_room(state, &room)})
        }
        Operation::GetRoom => json!({"room": room_info(state, state.room(id)?)}),
        Operation::ListRooms => {
            let (skip, limit) = window(asked.query, "skip")?;
            let slice = state.list_rooms(skip, limit);
            let rooms: Vec<Value> = slice.items.into_iter().map(room_item).collect();
            json!({"skip": skip, "limit": limit, "has_more": slice.has_more, "count": rooms.len(), "rooms": rooms})
        }
        Operation::DisableRoom => {
            state.disable_room(id)?;
            json!({"room": {"room_id": id, "message": format!("Room {id} and all user links associated disabled")}})
        }
        Operation::DeleteRoom => {
            state.delete_room(id)?;
            json!({"room": {"room_id": id, "message": format!("Room {id} and all user links associated deleted")}})
        }
        Operation::IssueCredential => credential(state, asked, V1)?,
        // No path of this generation leads to the others.
        _ => return Err(Refusal::not_found("not_found", "There is no such endpoint")),
    };
    Ok((StatusCode::OK, body))
}

/// The same in both generations.
pub(super) fn credential(state: &State, asked: &Asked<'_>, version: ApiVersion) -> Result<Value, Refusal> {
    let input = Input::parse(asked.body)?;
    let user = state.user(input.user_id()?, version)?;
    let issued = token::issue(user, input.seconds("expires_in")?, asked.key)?;
    Ok(json!({
        "access_token": issued.token,
        "expires_at": format!("{:.3}", issued.expires_at),
        "user_id": user.id,
    }))
}

fn user_body(user: &EmulatedUser) -> Value {
    json!({
        "id": user.id,
        "role": user.role,
        "can_video": user.camera,
        "language": user.language,
        "firstName": "",
        "lastName": "",
        "nickname": "",
        "email": "",
        "creation_date": format!("{:.3}", user.created_at),
    })
}

fn created_room(state: &State, room: &EmulatedRoom) -> Value {
    let urls: Vec<Value> = room
        .participants
        .iter()
        .map(|one| {
            json!({
                "user": one.user_id,
                "url": state.v1_link(room, one),
                "tools": tools_body(&one.tools),
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
        "durationUsed": 0,
        "call_type": room.call_type,
        "live": room.live,
        "description": room.description,
        "status": room.status(),
        "creationDate": format!("{:.3}", room.created_at),
        "user_urls": urls,
        "dialInfo": {"sessions": {"number": 0, "hours": 0, "minutes": 0, "seconds": 0, "users": 0, "details": []}},
    });
    mark_disabled(&mut body, room);
    body
}

fn room_item(room: &EmulatedRoom) -> Value {
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

/// Tools as the vendor answers them: a whiteboard that is on comes back as six flags, one that is off as `false`.
pub(super) fn tools_body(tools: &Tools) -> Value {
    let mut body = serde_json::to_value(tools).unwrap_or_default();
    let board = tools.whiteboard;
    if board != Whiteboard::none() {
        body["whiteboard"] = json!({
            "wb_add_file": board.add_file,
            "wb_cursor": board.cursor,
            "wb_text": board.text,
            "wb_shape": board.shape,
            "wb_pen": board.pen,
            "wb_eraser": board.eraser,
        });
    }
    body
}
