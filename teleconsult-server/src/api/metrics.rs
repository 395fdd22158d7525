//! The metrics, for who collects them.

use crate::api::routes::Route;
use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::response::Reply;
use crate::telemetry::metrics::CONTENT_TYPE;

pub(super) async fn show(app: &App) -> Result<Reply, ApiError> {
    let Some(metrics) = &app.metrics else {
        return Err(ApiError::unrouted(&Route::Metrics.method(), Route::Metrics.template()));
    };
    Ok(Reply::content(CONTENT_TYPE, metrics.render(app.rooms.journal_counts().await)))
}
