//! The participants of a room. The paths of single participants are documented; the path of the list and all responses
//! are inferred.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json, json_or, nothing, page};
use crate::operations::Operation;
use crate::rooms::json::ParticipantBody;
use crate::rooms::{NewParticipant, Participant, ParticipantChange, ParticipantFilter, Tools};
use crate::types::ids::{RoomId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;

#[skip_serializing_none]
#[derive(Serialize)]
struct ChangeBody<'a> {
    is_admin: Option<bool>,
    tools: Option<&'a Tools>,
}

fn participant(body: &[u8]) -> Result<Participant, DecodeFailure> {
    json(body)
}

fn one(operation: Operation, room: &RoomId, user: &UserId) -> Call {
    Call::v2(operation, &[room.as_str(), user.as_str()])
}

pub(crate) fn list(filter: &ParticipantFilter, window: Window) -> Wire<Page<Participant>> {
    Call::v2(Operation::ListParticipants, &[filter.room.as_str()])
        .offset_and_limit(window)
        .query("is_admin", filter.admin)
        .decode_with(page(window, "participants"))
}

pub(crate) fn add(room: &RoomId, new: &NewParticipant) -> Wire<Participant> {
    Call::v2(Operation::AddParticipant, &[room.as_str()]).json(&ParticipantBody::from(new)).decode_with(participant)
}

pub(crate) fn get(room: &RoomId, user: &UserId) -> Wire<Participant> {
    one(Operation::GetParticipant, room, user).decode_with(participant)
}

pub(crate) fn update(room: &RoomId, user: &UserId, change: &ParticipantChange) -> Wire<Participant> {
    let body = ChangeBody { is_admin: change.admin, tools: change.tools.as_ref() };
    let user = user.clone();
    one(Operation::UpdateParticipant, room, &user).json(&body).decode_with(move |body| {
        let as_requested = || Participant::new(user.clone());
        json_or(body, participant, as_requested)
    })
}

pub(crate) fn remove(room: &RoomId, user: &UserId) -> Wire<()> {
    one(Operation::RemoveParticipant, room, user).decode_with(nothing)
}
