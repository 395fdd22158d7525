use serde::Serialize;

use crate::http::call::{Call, Wire};
use crate::http::decode::{all_items, json_at};
use crate::operations::Operation;
use crate::types::model::{Fields, Lenient};
use crate::webhooks::{ActiveWebhook, WebhookEvent, WebhookVersion};

#[derive(Serialize)]
struct Body<'a> {
    post_event_webhook_url: &'a str,
    webhook_method: &'a str,
    webhook_filters: &'a [WebhookEvent],
}

const fn version_segment(version: WebhookVersion) -> &'static str {
    match version {
        WebhookVersion::V0 => "v0",
        WebhookVersion::V1 => "v1",
        WebhookVersion::V2 => "v2",
    }
}

/// Idempotent: it replaces the existing configuration.
pub(crate) fn configure(version: WebhookVersion, url: &str, events: &[WebhookEvent]) -> Wire<Vec<ActiveWebhook>> {
    let body = Body { post_event_webhook_url: url, webhook_method: "POST", webhook_filters: events };
    Call::v1(Operation::ConfigureWebhooks, &[version_segment(version)])
        .json(&body)
        .decode_with(|body| all_items(body, "active_webhooks"))
}

/// The response is an object with URLs as keys, unlike that of `configure`.
pub(crate) fn active(version: WebhookVersion) -> Wire<Vec<ActiveWebhook>> {
    Call::v1(Operation::GetActiveWebhooks, &[version_segment(version)]).decode_with(|body| {
        let by_url: Fields = json_at(body, "active_webhooks")?;
        let mut active = Vec::new();
        for (url, webhooks) in by_url.iter() {
            let url = url.to_owned();
            let fields = webhooks.as_array().into_iter().flatten().filter_map(Fields::read);
            active.extend(fields.flat_map(|one| ActiveWebhook::read(&one.with("post_event_webhook_url", &url))));
        }
        Ok(active)
    })
}
