//! The files that were sent in the calls of a teleconsultation.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Operation, failure, teleconsultations};
use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::request::Request;
use crate::http::response::Reply;

/// How many files there were. Fewer deleted than there were means that some could not be, and the same request may be
/// sent again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeletedUploads", deny_unknown_fields)]
pub(super) struct Deleted {
    /// Files that were there.
    total: usize,
    /// Files that are gone.
    deleted: usize,
}

/// With the switch off nothing is looked at, not even the id: the front end calls this whenever a call ends.
pub(super) async fn delete(app: &App, request: &Request) -> Result<Reply, ApiError> {
    if !app.settings.delete_uploads {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    let id = teleconsultations::id(request).ok_or_else(ApiError::not_found)?;
    let label = format!("DELETE /teleconsultation/{id}/uploads");
    let operation = Operation { short: label.clone(), full: label };
    let record = app.use_cases.view(&id).await.map_err(|error| failure(error, &operation))?;
    let (total, deleted) = match &record.room {
        Some(room) => app.vendor.delete_uploads(room).await?,
        None => (0, 0),
    };
    Reply::json(StatusCode::OK, &Deleted { total, deleted })
}
