//! The fields are inferred: it is only known that a webhook has an id, an address and an event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json_as, json_or, nothing, page_of};
use crate::http::lenient;
use crate::operations::Operation;
use crate::types::ids::WebhookId;
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

#[derive(Deserialize)]
struct Record {
    id: WebhookId,
    #[serde(default, deserialize_with = "lenient::text")]
    url: Option<String>,
    event: Option<WebhookEvent>,
    #[serde(default)]
    version: Value,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

impl From<Record> for Webhook {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            url: record.url,
            event: record.event,
            version: read_version(&record.version),
            created_at: record.creation_date,
        }
    }
}

const fn written(version: WebhookVersion) -> &'static str {
    match version {
        WebhookVersion::V0 => "0.1",
        WebhookVersion::V1 => "1",
        WebhookVersion::V2 => "2",
    }
}

/// The version is a string or a number, in the new or the old naming.
fn read_version(version: &Value) -> Option<WebhookVersion> {
    let text = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    match text.as_str() {
        "0.1" | "v0" => Some(WebhookVersion::V0),
        "1" | "1.0" | "v1" => Some(WebhookVersion::V1),
        "2" | "2.0" | "v2" => Some(WebhookVersion::V2),
        _ => None,
    }
}

fn one(operation: Operation, id: &WebhookId) -> Call {
    Call::v2(operation, &[id.as_str()])
}

pub(crate) fn list(window: Window) -> Wire<Page<Webhook>> {
    Call::v2(Operation::ListWebhooks, &[]).offset_and_limit(window).decode_with(page_of!(window, webhooks: Record))
}

pub(crate) fn create(url: &str, event: &WebhookEvent, version: WebhookVersion) -> Wire<Webhook> {
    let body = Body { url: Some(url), event: Some(event), version: Some(written(version)) };
    Call::v2(Operation::CreateWebhook, &[]).json(&body).decode_with(json_as::<Record, _>)
}

pub(crate) fn get(id: &WebhookId) -> Wire<Webhook> {
    one(Operation::GetWebhook, id).decode_with(json_as::<Record, _>)
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
        json_or(body, json_as::<Record, _>, as_requested)
    })
}

pub(crate) fn delete(id: &WebhookId) -> Wire<()> {
    one(Operation::DeleteWebhook, id).decode_with(nothing)
}
