//! The platform's status routes.

use http::StatusCode;
use serde::Serialize;

use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::response::Reply;

#[derive(Serialize)]
struct Status {
    name: &'static str,
    status: &'static str,
    version: &'static str,
}

fn report(good: bool) -> Result<Reply, ApiError> {
    let (code, status) = if good { (StatusCode::OK, "OK") } else { (StatusCode::SERVICE_UNAVAILABLE, "KO") };
    let body = Status { name: env!("CARGO_PKG_NAME"), status, version: env!("CARGO_PKG_VERSION") };
    Reply::json(code, &body)
}

pub(super) fn healthz() -> Result<Reply, ApiError> {
    report(true)
}

pub(super) fn ready(app: &App) -> Result<Reply, ApiError> {
    report(app.is_open())
}

/// Asks the store alone: the vendor's quota is not for health checks, and its outage is not ours.
pub(super) async fn check_up(app: &App) -> Result<Reply, ApiError> {
    report(app.store.ping().await.is_ok())
}
