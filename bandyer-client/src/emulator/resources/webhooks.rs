//! Webhook settings, in the formats of both API versions.

use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::emulator::Operation;
use crate::emulator::input::invalid;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{Hook, HookVersion, State};
use crate::types::api_version::ApiVersion;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let id = call.id(0);
    Ok(Some(match call.operation() {
        Operation::ConfigureWebhooks => {
            let input = call.input()?;
            let version = v1_version(id, HookVersion::V0)?;
            if !input.required("webhook_method")?.eq_ignore_ascii_case("post") {
                return Err(invalid("webhook_method", "must be POST"));
            }
            let url = input.required("post_event_webhook_url")?;
            let hooks = state.configure_hooks(version, url, &input.texts("webhook_filters")?)?;
            let active = |hook: &Hook| {
                json!({
                    "post_event_webhook_url": hook.url, "webhook_method": "post", "event": hook.event,
                    "creation_date": format!("{:.3}", hook.created_at),
                })
            };
            ApiResponse::ok(json!({"active_webhooks": hooks.iter().map(active).collect::<Vec<_>>()}))
        }
        Operation::GetActiveWebhooks => {
            let version = v1_version(id, HookVersion::V1)?;
            let mut by_url = json!({});
            for hook in state.hooks_of(version) {
                let entry = json!({
                    "webhook_method": "post", "event": hook.event, "creation_date": format!("{:.3}", hook.created_at),
                    "event_version": v1_number(version),
                });
                match &mut by_url[&hook.url] {
                    Value::Array(entries) => entries.push(entry),
                    empty => *empty = json!([entry]),
                }
            }
            ApiResponse::ok(json!({"active_webhooks": by_url}))
        }
        Operation::ListWebhooks => {
            let span = call.span()?;
            list_response(ApiVersion::V2, "webhooks", span, state.list_hooks(span), body)
        }
        Operation::CreateWebhook => {
            let input = call.input()?;
            let version = input.text("version")?.map_or(Ok(HookVersion::V1), v2_version)?;
            let hook = state.add_hook(version, input.required("url")?, input.required("event")?)?;
            ApiResponse::created(ApiVersion::V2, body(&hook))
        }
        Operation::GetWebhook => ApiResponse::ok(body(state.hook_by_id(id)?)),
        Operation::UpdateWebhook => {
            let input = call.input()?;
            let version = input.text("version")?.map(v2_version).transpose()?;
            let hook = state.update_hook(id, version, input.text("url")?, input.text("event")?)?;
            ApiResponse::ok(body(&hook))
        }
        Operation::DeleteWebhook => {
            state.delete_hook(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        _ => return Ok(None),
    }))
}

/// The version in the path; the default differs between the two operations.
fn v1_version(text: &str, default: HookVersion) -> Result<HookVersion, Refusal> {
    match text {
        "" => Ok(default),
        "v0" => Ok(HookVersion::V0),
        "v1" => Ok(HookVersion::V1),
        "v2" => Ok(HookVersion::V2),
        _ => Err(Refusal::no_endpoint()),
    }
}

const fn v1_number(version: HookVersion) -> &'static str {
    match version {
        HookVersion::V0 => "0",
        HookVersion::V1 => "1",
        HookVersion::V2 => "2",
    }
}

fn v2_version(text: &str) -> Result<HookVersion, Refusal> {
    match text {
        "0.1" => Ok(HookVersion::V0),
        "1" => Ok(HookVersion::V1),
        "2" => Ok(HookVersion::V2),
        _ => Err(invalid("version", "must be 0.1, 1 or 2")),
    }
}

fn body(hook: &Hook) -> Value {
    let version = match hook.version {
        HookVersion::V0 => "0.1",
        HookVersion::V1 => "1",
        HookVersion::V2 => "2",
    };
    json!({
        "id": hook.id, "url": hook.url, "event": hook.event, "version": version,
        "creation_date": format!("{:.3}", hook.created_at),
    })
}
