//! SDK credentials and link tokens.

use serde_json::json;

use super::{ApiResponse, Call};
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::State;
use crate::emulator::token;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    Ok(Some(match call.operation() {
        Operation::IssueCredential => {
            let input = call.input()?;
            let user = state.user(input.user_id()?, call.version())?;
            let issued = token::issue(user, input.seconds("expires_in")?, call.key, state.now())?;
            ApiResponse::created(
                call.version(),
                json!({
                    "access_token": issued.token,
                    "expires_at": format!("{:.3}", issued.expires_at),
                    "user_id": user.id,
                }),
            )
        }
        Operation::CheckLink => {
            let token = call.id(0);
            let (code, word) =
                if state.check_link(token) { ("ACTIVE_TOKEN", "valid") } else { ("NOT_ACTIVE_TOKEN", "not valid") };
            ApiResponse::ok(json!({"token": token, "code": code, "message": format!("token {token} is {word}")}))
        }
        Operation::RevokeLink => {
            let token = call.id(0);
            state.revoke_link(token)?;
            ApiResponse::ok(json!({"token": token, "message": format!("token {token} deleted")}))
        }
        _ => return Ok(None),
    }))
}
