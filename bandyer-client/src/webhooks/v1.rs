use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::call::{Call, Wire};
use crate::http::decode::json;
use crate::http::lenient;
use crate::operations::Operation;
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
    #[derive(Deserialize)]
    struct Configured {
        active_webhooks: Vec<Record>,
    }
    #[derive(Deserialize)]
    struct Record {
        post_event_webhook_url: String,
        event: WebhookEvent,
        #[serde(default, deserialize_with = "lenient::moment")]
        creation_date: Option<Timestamp>,
    }
    let body = Body { post_event_webhook_url: url, webhook_method: "POST", webhook_filters: events };
    Call::v1(Operation::ConfigureWebhooks, &[version_segment(version)]).json(&body).decode_with(|body| {
        let Configured { active_webhooks } = json(body)?;
        let active = |record: Record| ActiveWebhook {
            url: record.post_event_webhook_url,
            event: record.event,
            created_at: record.creation_date,
        };
        Ok(active_webhooks.into_iter().map(active).collect())
    })
}

/// The response is an object with URLs as keys, unlike that of `configure`.
pub(crate) fn active(version: WebhookVersion) -> Wire<Vec<ActiveWebhook>> {
    #[derive(Deserialize)]
    struct Listed {
        active_webhooks: BTreeMap<String, Vec<Record>>,
    }
    #[derive(Deserialize)]
    struct Record {
        event: WebhookEvent,
        #[serde(default, deserialize_with = "lenient::moment")]
        creation_date: Option<Timestamp>,
    }
    Call::v1(Operation::GetActiveWebhooks, &[version_segment(version)]).decode_with(|body| {
        let Listed { active_webhooks } = json(body)?;
        let at_url = |(url, records): (String, Vec<Record>)| {
            records.into_iter().map(move |record| ActiveWebhook {
                url: url.clone(),
                event: record.event,
                created_at: record.creation_date,
            })
        };
        Ok(active_webhooks.into_iter().flat_map(at_url).collect())
    })
}
