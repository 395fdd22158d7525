//! What is measured about requests, and the page that shows all metrics.

use std::time::Duration;

use ::metrics::Counter;
use http::{Method, StatusCode};

use crate::api::routes::Route;
use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::response::Reply;
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

    /// Records a completed request.
    pub fn completed(&self, method: &Method, route: Option<Route>, status: StatusCode, duration: Duration) {
        self.requests.record(method, route.map(Route::template), status, duration);
    }

    /// Counts a request that failed because of the store.
    pub fn store_failed(&self) {
        self.store_errors.increment(1);
    }
}

pub(super) async fn show(app: &App) -> Result<Reply, ApiError> {
    let Some(metrics) = &app.metrics else {
        return Err(ApiError::unrouted(&Route::Metrics.method(), Route::Metrics.template()));
    };
    metrics.journal.set(app.rooms.journal_counts().await);
    Ok(Reply::content(CONTENT_TYPE, metrics.registry.render()))
}
