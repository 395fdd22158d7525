//! Sessions, connections, recordings, transcripts and the activity log.

use bytes::Bytes;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ApiResponse, Call, ResponseBody, list_response};
use crate::emulator::Operation;
use crate::emulator::input::invalid;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{Activity, EmulatedConnection, EmulatedSession, State, slice};
use crate::rooms::RecordingMode;
use crate::types::api_version::ApiVersion;

/// Default lifetime of a link to a recording, in milliseconds.
const DEFAULT_LINK_MS: u64 = 30_000;
/// Accepted lifetimes of a link on v2, in seconds.
const V2_LINK_SECONDS: std::ops::RangeInclusive<u64> = 30..=3600;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    let is_v1 = version == ApiVersion::V1;
    Ok(Some(match call.operation() {
        Operation::ListSessions => {
            let (span, query) = (call.span()?, call.query());
            let (room, from, to) =
                (query.text("room_id"), query.timestamp("start_date")?, query.timestamp("end_date")?);
            let fits = |one: &EmulatedSession| {
                room.as_ref().is_none_or(|room| is_v1 || one.room_id == **room)
                    && from.is_none_or(|from| one.started_at >= from)
                    && to.is_none_or(|to| one.started_at <= to)
            };
            list_response(version, "sessions", span, state.list_sessions(fits, span), |one| session(one, version))
        }
        Operation::ListUserSessions => {
            state.user(id, version)?;
            let span = call.span()?;
            let fits = |one: &EmulatedSession| one.participants.iter().any(|user| user == id);
            list_response(version, "sessions", span, state.list_sessions(fits, span), |one| {
                let mut body = session(one, version);
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("broadcast_id");
                }
                body
            })
        }
        Operation::GetSession => ApiResponse::ok(session(state.session(id)?, version)),
        Operation::ListConnections => {
            let span = call.span()?;
            let events = slice(state.session(id)?.connections.iter().rev(), span);
            let mut response = list_response(version, "connection_events", span, events, connection);
            if let ResponseBody::Json(body) = &mut response.body {
                body["session_id"] = id.into();
            }
            response
        }
        Operation::GetRecordingLink => {
            let url = state.recording_link(id, link_lifetime(call)?, version)?;
            ApiResponse::ok(json!({"url": url}))
        }
        Operation::GetBroadcastRecordingLink => {
            // Broadcasts have no sessions in the emulator, so only the id of a room's session is found.
            let url = state.recording_link(id, link_lifetime(call)?, version)?;
            ApiResponse::ok(json!({"url": url}))
        }
        Operation::DeleteRecording => {
            state.delete_recording(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        Operation::GetTranscription => text(state, id, false)?,
        Operation::GetSummarization => text(state, id, true)?,
        Operation::DeleteTranscription | Operation::DeleteSummarization => {
            *state.text_of(id, call.operation() == Operation::DeleteSummarization)? = false;
            ApiResponse::ok(json!({"id": id}))
        }
        Operation::ListActivity => {
            let query = call.query();
            let (user, room) = (query.text("filter[user_alias]"), query.text("filter[room_alias]"));
            let (kind, from) = (query.text("filter[activity_type]"), query.timestamp("filter[date_from]")?);
            let to = query.timestamp("filter[date_to]")?;
            let fits = |one: &Activity| {
                user.as_ref().is_none_or(|user| one.user_id == *user)
                    && room.as_ref().is_none_or(|room| one.room_id == **room)
                    && kind.as_ref().is_none_or(|kind| one.kind.as_str() == kind)
                    && from.is_none_or(|from| one.at >= from)
                    && to.is_none_or(|to| one.at <= to)
            };
            let found = state.list_activities(fits, query.filter_span()?);
            let found: Vec<Value> = found.into_iter().map(|one| activity(state, one)).collect();
            ApiResponse::ok(json!({"activities": found}))
        }
        _ => return Ok(None),
    }))
}

fn session(session: &EmulatedSession, version: ApiVersion) -> Value {
    let mut body = json!({
        "creation_date": format!("{:.3}", session.started_at),
        "duration": session.duration().map(|duration| duration.as_secs()),
        "connected_participants": session.participants,
        "room_id": session.room_id,
        "broadcast_id": null,
    });
    let id = match version {
        ApiVersion::V1 => "session_id",
        ApiVersion::V2 => "id",
    };
    body[id] = session.id.as_str().into();
    body
}

fn connection(one: &EmulatedConnection) -> Value {
    json!({"user_id": one.user_id, "timestamp": format!("{:.3}", one.at), "event": one.change})
}

fn link_lifetime(call: &Call<'_>) -> Result<SignedDuration, Refusal> {
    let requested = call.query().number("expire_time")?;
    let millis = match (call.version(), requested) {
        (_, None) => DEFAULT_LINK_MS,
        (ApiVersion::V1, Some(millis)) => millis,
        (ApiVersion::V2, Some(seconds)) if V2_LINK_SECONDS.contains(&seconds) => seconds * 1000,
        (ApiVersion::V2, Some(_)) => return Err(invalid("expire_time", "must be from 30 to 3600 seconds")),
    };
    Ok(SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
}

/// The format of these files is not documented.
fn text(state: &mut State, id: &str, summary: bool) -> Result<ApiResponse, Refusal> {
    state.text_of(id, summary)?;
    let what = if summary { "summary" } else { "transcript" };
    let bytes = Bytes::from(format!("An emulated {what} of {id}.\n"));
    let body = ResponseBody::File { content_type: "text/plain; charset=utf-8", bytes };
    Ok(ApiResponse { status: StatusCode::OK, body })
}

fn activity(state: &State, one: &Activity) -> Value {
    let mut body = json!({
        "activity_type": one.kind,
        "creation_date": format!("{:.3}", one.at),
        "user_alias": one.user_id,
    });
    if let Ok(room) = state.room(&one.room_id) {
        let users: Vec<&str> = room.participants.iter().map(|one| one.user_id.as_str()).collect();
        body["room"] = json!({
            "room_alias": room.id,
            "recording": room.recording != RecordingMode::Off,
            "users": users,
            "initiator": users.first(),
            "call_type": room.call_type,
        });
    }
    body
}
