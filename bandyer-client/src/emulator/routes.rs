//! Which path and method of which generation mean what.

use http::Method;

use super::calls::Operation;
use crate::config::ApiVersion;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) version: ApiVersion,
    pub(super) operation: Operation,
    /// The id in the path, decoded; empty where there is none.
    pub(super) id: String,
    /// The second id in the path, where there is one: a person in a room.
    pub(super) user: String,
}

/// Segments come decoded one by one, so an encoded slash is part of an id and never makes another route.
pub(super) fn find(method: &Method, segments: &[String]) -> Option<Route> {
    let (first, rest) = segments.split_first()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let version = match first.as_str() {
        "rest" => ApiVersion::V1,
        "v2" => ApiVersion::V2,
        _ => return None,
    };
    let (operation, id, user) = match version {
        ApiVersion::V1 => v1(method, &rest).map(|(operation, id)| (operation, id, ""))?,
        ApiVersion::V2 => {
            v2(method, &rest).map(|(operation, id)| (operation, id, "")).or_else(|| people(method, &rest))?
        }
    };
    Some(Route { version, operation, id: id.to_owned(), user: user.to_owned() })
}

fn v1<'a>(method: &Method, path: &[&'a str]) -> Option<(Operation, &'a str)> {
    Some(match (method, path) {
        (&Method::POST, ["user", "create"]) => (Operation::CreateUser, ""),
        (&Method::PUT, ["user", "update", id]) => (Operation::UpdateUser, *id),
        (&Method::DELETE, ["user", "delete", id]) => (Operation::DeleteUser, *id),
        (&Method::GET, ["user", "list"]) => (Operation::ListUsers, ""),
        (&Method::GET, ["user", "list", id]) => (Operation::GetUser, *id),
        (&Method::POST, ["room", "create"]) => (Operation::CreateRoom, ""),
        (&Method::GET, ["room", "list"]) => (Operation::ListRooms, ""),
        (&Method::GET, ["room", "info", id]) => (Operation::GetRoom, *id),
        (&Method::PUT, ["room", "disable", id]) => (Operation::DisableRoom, *id),
        (&Method::DELETE, ["room", "delete", id]) => (Operation::DeleteRoom, *id),
        (&Method::POST, ["sdk", "credentials"]) => (Operation::IssueCredential, ""),
        _ => return None,
    })
}

fn v2<'a>(method: &Method, path: &[&'a str]) -> Option<(Operation, &'a str)> {
    Some(match (method, path) {
        (&Method::POST, ["users"]) => (Operation::CreateUser, ""),
        (&Method::GET, ["users"]) => (Operation::ListUsers, ""),
        (&Method::GET, ["users", id]) => (Operation::GetUser, *id),
        (&Method::PUT, ["users", id]) => (Operation::UpdateUser, *id),
        (&Method::DELETE, ["users", id]) => (Operation::DeleteUser, *id),
        (&Method::POST, ["rooms"]) => (Operation::CreateRoom, ""),
        (&Method::GET, ["rooms"]) => (Operation::ListRooms, ""),
        (&Method::GET, ["rooms", id]) => (Operation::GetRoom, *id),
        (&Method::PUT, ["rooms", id, "disable"]) => (Operation::DisableRoom, *id),
        (&Method::DELETE, ["rooms", id]) => (Operation::DeleteRoom, *id),
        (&Method::POST, ["rooms", id, "start-recording"]) => (Operation::StartRecording, *id),
        (&Method::POST, ["rooms", id, "stop-recording"]) => (Operation::StopRecording, *id),
        (&Method::POST, ["rooms", id, "call"]) => (Operation::RingRoom, *id),
        (&Method::POST, ["sdk", "credentials"]) => (Operation::IssueCredential, ""),
        _ => return None,
    })
}

/// The people of a room. A known client misspells the collection, so that is served too.
fn people<'a>(method: &Method, path: &[&'a str]) -> Option<(Operation, &'a str, &'a str)> {
    Some(match (method, path) {
        (&Method::GET, ["rooms", room, "participants" | "partecipants"]) => (Operation::ListParticipants, *room, ""),
        (&Method::POST, ["rooms", room, "participants" | "partecipants"]) => (Operation::AddParticipant, *room, ""),
        (&Method::GET, ["rooms", room, "participants", user]) => (Operation::GetParticipant, *room, *user),
        (&Method::PUT, ["rooms", room, "participants", user]) => (Operation::UpdateParticipant, *room, *user),
        (&Method::DELETE, ["rooms", room, "participants", user]) => (Operation::RemoveParticipant, *room, *user),
        _ => return None,
    })
}
