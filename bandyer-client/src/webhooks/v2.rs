//! The fields are inferred: it is only known that a webhook has an id, an address and an event.

use serde::Serialize;
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json, json_or, nothing, page};
use crate::operations::Operation;
use crate::types::ids::WebhookId;
use crate::types::model::Lenient;
use crate::types::page::Page;
use crate::types::page::Window;
use crate::webhooks::{Webhook, WebhookChange, WebhookEvent, WebhookVersion};

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    url: Option<&'a str>,
    event: Option<&'a WebhookEvent>,
    version: Option<&'static str>,
}

const fn written(version: WebhookVersion) -> &'static str {
    match version {
        WebhookVersion::V0 => "0.1",
        WebhookVersion::V1 => "1",
        WebhookVersion::V2 => "2",
    }
}

/// The version is a string or a number, in the new or the old naming.
impl Lenient for WebhookVersion {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.as_str() {
            "0.1" | "v0" => Some(Self::V0),
            "1" | "1.0" | "v1" => Some(Self::V1),
            "2" | "2.0" | "v2" => Some(Self::V2),
            _ => None,
        }
    }

    fn write(&self) -> Value {
        written(*self).into()
    }
}

fn one(operation: Operation, id: &WebhookId) -> Call {
    Call::v2(operation, &[id.as_str()])
}

pub(crate) fn list(window: Window) -> Wire<Page<Webhook>> {
    Call::v2(Operation::ListWebhooks, &[]).offset_and_limit(window).decode_with(page(window, "webhooks"))
}

pub(crate) fn create(url: &str, event: &WebhookEvent, version: WebhookVersion) -> Wire<Webhook> {
    let body = Body { url: Some(url), event: Some(event), version: Some(written(version)) };
    Call::v2(Operation::CreateWebhook, &[]).json(&body).decode_with(json)
}

pub(crate) fn get(id: &WebhookId) -> Wire<Webhook> {
    one(Operation::GetWebhook, id).decode_with(json)
}

pub(crate) fn update(id: &WebhookId, change: &WebhookChange) -> Wire<Webhook> {
    let body = Body { url: change.url.as_deref(), event: change.event.as_ref(), version: change.version.map(written) };
    let (id, asked) = (id.clone(), change.clone());
    one(Operation::UpdateWebhook, &id).json(&body).decode_with(move |body| {
        let as_requested = || Webhook {
            id: id.clone(),
            url: asked.url.clone(),
            event: asked.event.clone(),
            version: asked.version,
            created_at: None,
        };
        json_or(body, json, as_requested)
    })
}

pub(crate) fn delete(id: &WebhookId) -> Wire<()> {
    one(Operation::DeleteWebhook, id).decode_with(nothing)
}
