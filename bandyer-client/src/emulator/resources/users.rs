//! Users, in the formats of both API versions.

use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{EmulatedUser, State};
use crate::types::api_version::ApiVersion;
use crate::types::ids::UserId;

fn body(user: &EmulatedUser, version: ApiVersion) -> Value {
    match version {
        ApiVersion::V1 => v1_body(user),
        ApiVersion::V2 => v2_body(user),
    }
}

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    let is_v1 = version == ApiVersion::V1;
    Ok(Some(match call.operation() {
        Operation::CreateUser => {
            let user = state.create_user(call.input()?.new_user(version)?)?;
            let body = if is_v1 { json!({"user": v1_body(&user), "id": user.id}) } else { v2_body(&user) };
            ApiResponse::created(version, body)
        }
        Operation::GetUser => {
            let user = state.user(id, version)?;
            ApiResponse::ok(if is_v1 { json!({"user": v1_body(user)}) } else { v2_body(user) })
        }
        Operation::ListUsers if is_v1 => {
            let ids: Vec<UserId> = state.users().into_iter().map(|user| user.id).collect();
            ApiResponse::ok(json!({"user_id_list": ids}))
        }
        Operation::ListUsers => {
            let span = call.span()?;
            list_response(version, "users", span, state.list_users(span), |user| body(user, version))
        }
        Operation::UpdateUser => {
            let user = state.update_user(id, call.input()?.user_change(version)?, version)?;
            let mut body = body(&user, version);
            body["active"] = user.active.into();
            ApiResponse::ok(if is_v1 { json!({"user": body}) } else { body })
        }
        Operation::DeleteUser => {
            state.delete_user(id, version)?;
            ApiResponse::ok(if is_v1 { json!({"id": id, "message": "user deleted"}) } else { json!({"id": id}) })
        }
        Operation::SetAvatar => {
            let url = state.set_avatar(id, call.form()?.file("avatar")?, version)?;
            ApiResponse::ok(json!({"avatar_url": url}))
        }
        Operation::DeleteAvatar => {
            state.delete_avatar(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        Operation::SetCameraForAll => {
            let allowed = call.input()?.flag("can_video")?;
            let allowed = allowed.ok_or_else(|| crate::emulator::input::invalid("can_video", "is required"))?;
            ApiResponse::ok(
                json!({"users": {"count": state.set_camera_for_all(allowed), "can_video": u8::from(allowed)}}),
            )
        }
        _ => return Ok(None),
    }))
}

fn v1_body(user: &EmulatedUser) -> Value {
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

fn v2_body(user: &EmulatedUser) -> Value {
    json!({
        "id": user.id,
        "role": user.role,
        "language": user.language,
        "active": user.active,
        "allow_camera": user.camera,
        "avatar_url": user.avatar_url,
        "creation_date": format!("{:.3}", user.created_at),
    })
}
