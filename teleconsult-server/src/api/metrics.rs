//! The metrics, for collectors.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::openapi::failures::always;
use super::openapi::operation::{Context, Operation, Success, Tag};
use super::state::ApiState;
use super::{Request, Result};
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::telemetry::metrics::CONTENT_TYPE;

pub(super) async fn show(api: &Arc<ApiState>, request: &Request) -> Result {
    let Some(metrics) = &api.metrics else {
        let route = request.target.route;
        return Err(ApiError::unrouted(&route.method, route.template()).into());
    };
    Ok(Response::content(CONTENT_TYPE, metrics.render(api.rooms.journal().await)))
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
