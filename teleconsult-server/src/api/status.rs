//! The platform's status routes.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;

use super::state::ApiState;
use super::{Request, Result};
use crate::http::response::Response;

#[derive(Serialize)]
struct Status {
    name: &'static str,
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<&'static str>,
}

fn report(good: bool, unavailable: Vec<&'static str>) -> Result {
    let (code, status) = if good { (StatusCode::OK, "OK") } else { (StatusCode::SERVICE_UNAVAILABLE, "KO") };
    let body = Status { name: env!("CARGO_PKG_NAME"), status, version: env!("CARGO_PKG_VERSION"), unavailable };
    Ok(Response::json(code, &body)?)
}

pub(super) async fn healthz(_: &Arc<ApiState>, _: &Request) -> Result {
    report(true, Vec::new())
}

pub(super) async fn ready(api: &Arc<ApiState>, _: &Request) -> Result {
    report(api.is_open(), Vec::new())
}

/// Checks the store alone: the vendor's quota is not for health checks, and its outage is not this service's.
pub(super) async fn check_up(api: &Arc<ApiState>, _: &Request) -> Result {
    let unavailable = api.parts.store.unavailable_parts().await;
    report(unavailable.is_empty(), unavailable)
}
