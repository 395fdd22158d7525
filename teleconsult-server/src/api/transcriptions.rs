//! What was said in a call, for those who took part in the teleconsultation.

use bandyer_client::{ErrorKind, RoomId, SessionId};
use http::StatusCode;

use super::teleconsultations;
use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::vendor;

pub(super) async fn show(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let raw = request.session.as_deref().unwrap_or_default();
    let none = || ApiError::sentence(StatusCode::NOT_FOUND, "There is no transcription of this session");
    let (record, _viewer) = teleconsultations::seen(app, request).await?;
    let session = SessionId::new(raw).map_err(|_| none())?;
    let room = record.room.as_ref().ok_or_else(none)?;
    let limit = app.settings.transcription_max_bytes;
    let file = match of_room(app, room, &session).await {
        Ok(true) => app.vendor.transcription(&session, limit).await,
        Ok(false) => return Err(none()),
        Err(error) => Err(error),
    };
    match file {
        Ok(file) => Ok(Reply::file(file)),
        // Not made, not ready, not switched on for the company, or a generation that has none.
        Err(error) if error.is_not_found() || error.kind() == Some(ErrorKind::Unsupported) => Err(none()),
        Err(error) if error.code() == Some("transcription_disabled") => Err(none()),
        Err(error) if error.kind() == Some(ErrorKind::Decode) => {
            let sentence = format!("The transcription is larger than {limit} bytes");
            Err(ApiError::sentence(StatusCode::BAD_GATEWAY, sentence))
        }
        Err(error) => Err(error.into()),
    }
}

/// A session of another room is none of the caller's business. Rooms that were replaced are forgotten, and so are their
/// sessions.
async fn of_room(app: &App, room: &RoomId, session: &SessionId) -> vendor::Result<bool> {
    match app.vendor.session(session).await {
        Ok(session) => Ok(session.room_id.as_ref() == Some(room)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
