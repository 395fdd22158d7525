//! What was said in a call, for the participants of the teleconsultation.

use std::sync::Arc;

use bandyer_client::{Download, ErrorKind, RoomId, SessionId};
use http::StatusCode;
use serde_json::json;

use super::openapi::failures::{always, of_the_store, of_the_vendor};
use super::openapi::operation::{Context, Operation, Success, Tag};
use super::state::ApiState;
use super::{Request, Result, errors, teleconsultations};
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::vendor;

pub(super) async fn show(api: &Arc<ApiState>, request: &Request) -> Result {
    let raw = request.target.session_id.as_deref().unwrap_or_default();
    let none = || ApiError::sentence(StatusCode::NOT_FOUND, "There is no transcription of this session");
    let (view, _viewer) = teleconsultations::viewed(api, request).await?;
    let session = SessionId::new(raw).map_err(|_| none())?;
    let room = view.record.room.as_ref().ok_or_else(none)?;
    let limit = api.settings.endpoints.transcription_max_bytes;
    let file = match is_of_room(api, room, &session).await {
        Ok(true) => api.parts.vendor.transcription(&session, limit).await,
        Ok(false) => return Err(none().into()),
        Err(error) => Err(error),
    };
    match file {
        Ok(file) => Ok(download(file)),
        // Not made, not ready, not switched on for the company, or a generation without transcriptions.
        Err(error) if error.is_not_found() || error.kind() == Some(ErrorKind::Unsupported) => Err(none().into()),
        Err(error) if error.code() == Some("transcription_disabled") => Err(none().into()),
        Err(error) if error.kind() == Some(ErrorKind::Decode) => {
            let sentence = format!("The transcription is larger than {limit} bytes");
            Err(ApiError::sentence(StatusCode::BAD_GATEWAY, sentence).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn download(file: Download) -> Response {
    let (content_type, length) = (file.content_type().map(str::to_owned), file.length());
    Response::download(content_type.as_deref(), length, file.into_stream())
}

/// A session of another room is none of the caller's business. Rooms that were replaced are forgotten, and so are their
/// sessions.
async fn is_of_room(api: &ApiState, room: &RoomId, session: &SessionId) -> vendor::Result<bool> {
    match api.parts.vendor.session(session).await {
        Ok(session) => Ok(session.room_id.as_ref() == Some(room)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn show_operation(_: &mut Context) -> Operation {
    let mut failures = [always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("The caller does not take part, or gave no id.", errors::unauthorized()),
        (
            "There is no such teleconsultation, or no transcription.",
            ApiError::sentence(StatusCode::NOT_FOUND, "There is no transcription of this session"),
        ),
        (
            "The file is larger than `TRANSCRIPTION_MAX_FILE_SIZE`.",
            ApiError::sentence(StatusCode::BAD_GATEWAY, "The transcription is larger than 52428800 bytes"),
        ),
    ]);
    Operation {
        id: "showTranscription",
        tag: Tag::Teleconsultations,
        summary: "What was said in one of its calls",
        description: "For its participants. The file is the video provider's, streamed as it is; its format is not \
                      documented. Calls must be recorded, and the provider must have switched transcription on for the \
                      company. It is ready some time after the call, at most a day.",
        query: Vec::new(),
        body: None,
        success: Success {
            content: Some(("*/*", json!({"type": "string", "format": "binary"}), json!("Good morning."))),
            ..Success::empty(StatusCode::OK, "The file.")
        },
        failures,
    }
}
