//! What is measured about requests, and the page that shows all metrics.

use std::sync::Arc;

use ::metrics::Counter;
use http::StatusCode;
use serde_json::json;

use super::errors::STORE_UNAVAILABLE;
use super::openapi::failures::always;
use super::openapi::operation::{Context, Operation, Success, Tag};
use super::state::ApiState;
use super::{Request, Result};
use crate::http::Completed;
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::rooms::metrics::JournalGauges;
use crate::store;
use crate::telemetry::registry::{CONTENT_TYPE, Registry};
use crate::telemetry::requests::RequestMetrics;

/// The metrics of the API.
pub struct Metrics {
    registry: Registry,
    requests: RequestMetrics,
    store_errors: Counter,
    journal: JournalGauges,
}

impl Metrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            requests: RequestMetrics::register(registry),
            store_errors: store::metrics::errors(registry),
            journal: JournalGauges::register(registry),
        }
    }

    /// Counts a request that failed because of the store.
    pub fn count_failure(&self, error: &ApiError) {
        if error.code() == Some(STORE_UNAVAILABLE) {
            self.store_errors.increment(1);
        }
    }

    /// Records a completed request.
    pub fn record(&self, completed: &Completed<'_>) {
        self.requests.record(completed.method, completed.template, completed.status, completed.duration);
    }
}

pub(super) async fn show(api: &Arc<ApiState>, request: &Request) -> Result {
    let Some(metrics) = &api.metrics else {
        let route = request.target.route;
        return Err(ApiError::unrouted(&route.method, route.template()).into());
    };
    metrics.journal.set(api.parts.rooms.journal_counts().await, api.parts.rooms.are_records_moved().await.ok());
    Ok(Response::content(CONTENT_TYPE, metrics.registry.render()))
}

pub(super) const fn are_exposed(api: &ApiState) -> bool {
    api.metrics.is_some()
}

pub(super) fn show_operation(_: &mut Context) -> Operation {
    let media_type = CONTENT_TYPE.split_once(';').map_or(CONTENT_TYPE, |(media_type, _)| media_type);
    Operation {
        id: "showMetrics",
        tag: Tag::Operation,
        summary: "Metrics in the text format of Prometheus",
        description: "Served when `EXPOSE_METRICS` is `true`, the default.",
        query: Vec::new(),
        body: None,
        success: Success {
            content: Some((media_type, json!({"type": "string"}), json!("teleconsult_room_open_attempts 0\n"))),
            ..Success::empty(StatusCode::OK, "The metrics.")
        },
        failures: always(),
    }
}
