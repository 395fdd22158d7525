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
}

fn report(good: bool) -> Result {
    let (code, status) = if good { (StatusCode::OK, "OK") } else { (StatusCode::SERVICE_UNAVAILABLE, "KO") };
    let body = Status { name: env!("CARGO_PKG_NAME"), status, version: env!("CARGO_PKG_VERSION") };
    Ok(Response::json(code, &body)?)
}

pub(super) async fn healthz(_: &Arc<ApiState>, _: &Request) -> Result {
    report(true)
}

pub(super) async fn ready(api: &Arc<ApiState>, _: &Request) -> Result {
    report(api.is_open())
}

/// Checks the store alone: the vendor's quota is not for health checks, and its outage is not this service's.
pub(super) async fn check_up(api: &Arc<ApiState>, _: &Request) -> Result {
    report(api.parts.store.ping().await.is_ok())
}
