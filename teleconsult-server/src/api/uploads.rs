//! The files that were sent in the calls of a teleconsultation.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::openapi::failures::{always, of_the_store, of_the_vendor};
use super::openapi::operation::{Context, Operation, Success, Tag};
use super::state::ApiState;
use super::{Request, Result, teleconsultations};
use crate::http::error::ApiError;
use crate::http::response::Response;

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

/// With the switch off nothing is checked, not even the id: the front end calls this whenever a call ends.
pub(super) async fn delete(api: &Arc<ApiState>, request: &Request) -> Result {
    if !api.settings.endpoints.delete_uploads {
        return Ok(Response::empty(StatusCode::NO_CONTENT));
    }
    let record = api.parts.use_cases.view(teleconsultations::id(request)?).await?.record;
    let (total, deleted) = match &record.room {
        Some(room) => api.parts.vendor.delete_uploads(room).await?,
        None => (0, 0),
    };
    Ok(Response::json(StatusCode::OK, &Deleted { total, deleted })?)
}

pub(super) fn delete_operation(context: &mut Context) -> Operation {
    let mut failures = [always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("There is no such teleconsultation.", ApiError::not_found()));
    Operation {
        id: "deleteUploads",
        tag: Tag::Teleconsultations,
        summary: "Delete the files that were sent in its calls",
        description: "With `TELECONSULTATION_DELETE_UPLOADS` off, the default, nothing is done and the status is 204. \
                      Files vanish for all participants: front ends call this when a call ends, also by a lost \
                      connection.",
        query: Vec::new(),
        body: None,
        success: Success {
            alternative: Some((StatusCode::NO_CONTENT, "Nothing was done: the switch is off.")),
            ..Success::json(
                StatusCode::OK,
                "How many there were, and how many are gone.",
                context.schema::<Deleted>(),
                json!({"total": 3, "deleted": 3}),
            )
        },
        failures,
    }
}
