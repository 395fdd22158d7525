//! The people of a room. Item paths are documented; the collection's is inferred, and so are the answers.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::rooms::ParticipantRecord;
use crate::model::ids::{RoomId, UserId};
use crate::model::page::Page;
use crate::rooms::{NewParticipant, Participant, ParticipantChange, Tools};
use crate::wire::v1::rooms::ParticipantBody;
use crate::wire::{Call, DecodeFailure, Wire, json, nothing};

#[skip_serializing_none]
#[derive(Serialize)]
struct ChangeBody<'a> {
    is_admin: Option<bool>,
    tools: Option<&'a Tools>,
}

#[derive(Deserialize)]
struct Listed {
    participants: Vec<ParticipantRecord>,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    has_more: bool,
}

fn participant(body: &[u8]) -> Result<Participant, DecodeFailure> {
    json::<ParticipantRecord>(body).map(Participant::from)
}

fn one(method: Method, room: &RoomId, user: &UserId) -> Call {
    Call::new(method, &["rooms", room.as_str(), "participants", user.as_str()])
}

pub(crate) fn list(room: &RoomId, offset: u64, limit: Option<u32>, admin: Option<bool>) -> Wire<Page<Participant>> {
    Call::get(&["rooms", room.as_str(), "participants"])
        .query("offset", (offset > 0).then_some(offset))
        .query("limit", limit)
        .query("is_admin", admin)
        .answered_by(|body| {
            let listed: Listed = json(body)?;
            let items = listed.participants.into_iter().map(Participant::from).collect();
            Ok(Page { items, offset: listed.offset, has_more: listed.has_more })
        })
}

pub(crate) fn add(room: &RoomId, new: &NewParticipant) -> Wire<Participant> {
    Call::post(&["rooms", room.as_str(), "participants"]).json(&ParticipantBody::from(new)).answered_by(participant)
}

pub(crate) fn get(room: &RoomId, user: &UserId) -> Wire<Participant> {
    one(Method::GET, room, user).answered_by(participant)
}

pub(crate) fn update(room: &RoomId, user: &UserId, change: &ParticipantChange) -> Wire<Participant> {
    let body = ChangeBody { is_admin: change.admin, tools: change.tools.as_ref() };
    one(Method::PUT, room, user).json(&body).answered_by(participant)
}

pub(crate) fn remove(room: &RoomId, user: &UserId) -> Wire<()> {
    one(Method::DELETE, room, user).answered_by(nothing)
}
