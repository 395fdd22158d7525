//! Signatures, envelopes and templates. The field names are guesses in the vendor's style.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ApiResponse, Call, ResponseBody, list_response};
use crate::emulator::Operation;
use crate::emulator::input::invalid;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{EnvelopeState, NewSignature, State, TemplateState};

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let (id, version) = (call.id(0), call.version());
    Ok(Some(match call.operation() {
        Operation::RequestSignature => {
            let form = call.form()?;
            for name in ["email", "first_name", "last_name"] {
                form.required(name)?;
            }
            if !is_phone(&form.required("phone")?) {
                return Err(invalid("phone", "must be + or 00 and 6 to 20 digits"));
            }
            form.file("document")?;
            let envelope = state.request_signature(NewSignature {
                envelope_name: form.required("envelope_name")?,
                room_id: form.required("room_id")?,
                operator: form.required("operator_user_id")?,
                client: form.required("client_user_id")?,
                template: form.required("template_id")?,
            })?;
            let body = ResponseBody::Json(json!({"provider_id": envelope.provider_id}));
            ApiResponse { status: StatusCode::ACCEPTED, body }
        }
        Operation::ListEnvelopes | Operation::ListRoomEnvelopes => {
            let span = call.span()?;
            let room = Some(id).filter(|id| !id.is_empty());
            list_response(version, "envelopes", span, state.list_envelopes(room, span), envelope)
        }
        Operation::GetEnvelope => ApiResponse::ok(envelope(state.envelope(id)?)),
        Operation::ListSignatureTemplates => {
            let span = call.span()?;
            list_response(version, "templates", span, state.list_templates(span), template)
        }
        Operation::CreateSignatureTemplate => {
            let made = state.create_template(call.input()?.into_fields());
            ApiResponse::created(version, template(&made))
        }
        Operation::GetSignatureTemplate => ApiResponse::ok(template(state.template(id)?)),
        Operation::UpdateSignatureTemplate => {
            let changed = state.update_template(id, call.input()?.into_fields())?;
            ApiResponse::ok(template(&changed))
        }
        Operation::DeleteSignatureTemplate => {
            state.delete_template(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        _ => return Ok(None),
    }))
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or_default();
    (6..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn envelope(envelope: &EnvelopeState) -> Value {
    json!({
        "id": envelope.id, "name": envelope.name, "room_id": envelope.room_id, "provider_id": envelope.provider_id,
        "creation_date": format!("{:.3}", envelope.created_at),
    })
}

fn template(template: &TemplateState) -> Value {
    let mut body = Value::Object(template.fields.clone());
    body["id"] = template.id.clone().into();
    body["creation_date"] = format!("{:.3}", template.created_at).into();
    body
}
