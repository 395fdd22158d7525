//! Uploads.

use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::emulator::Operation;
use crate::emulator::input::invalid;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{EmulatedUpload, Owner, State};
use crate::types::api_version::ApiVersion;
use crate::uploads::UploadKind;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    Ok(Some(match call.operation() {
        Operation::ListUploads => {
            let room = call.query().text("room_id").filter(|_| version == ApiVersion::V2);
            list(state, call, &room.as_deref().map_or(Owner::Company, Owner::Room))?
        }
        Operation::ListUserUploads => {
            state.user(id, version)?;
            list(state, call, &Owner::User(id))?
        }
        Operation::ListRoomUploads => list(state, call, &Owner::Room(id))?,
        Operation::ListSessionUploads => list(state, call, &Owner::Session(id))?,
        Operation::GetUpload => {
            let key = match version {
                ApiVersion::V1 => {
                    call.query().text("upload_key").ok_or_else(|| invalid("upload_key", "is required"))?
                }
                ApiVersion::V2 => id.to_owned(),
            };
            let (upload, url) = state.upload_with_link(&key)?;
            let mut body = upload_body(&upload);
            body["url"] = url.into();
            if version == ApiVersion::V2 {
                body["key"] = key.into();
            }
            ApiResponse::ok(body)
        }
        Operation::DeleteUpload => {
            let key = match version {
                ApiVersion::V1 => call.input()?.required("upload_key")?.to_owned(),
                ApiVersion::V2 => id.to_owned(),
            };
            let removed = state.delete_upload(&key)?;
            ApiResponse::ok(json!({"upload_key": key, "upload_type": removed.kind}))
        }
        _ => return Ok(None),
    }))
}

fn list(state: &State, call: &Call<'_>, owner: &Owner<'_>) -> Result<ApiResponse, Refusal> {
    let span = call.span()?;
    let kind = call.query().text("upload_type").map(|kind| UploadKind::from(kind.as_str()));
    Ok(list_response(call.version(), "uploads", span, state.list_uploads(owner, kind.as_ref(), span), |upload| {
        let mut body = upload_body(upload);
        body["key"] = upload.key.as_str().into();
        body
    }))
}

fn upload_body(upload: &EmulatedUpload) -> Value {
    json!({
        "upload_type": upload.kind,
        "creation_date": format!("{:.3}", upload.created_at),
        "user_id": upload.user_id,
        "session_id": upload.session_id,
        "room_id": upload.room_id,
    })
}
