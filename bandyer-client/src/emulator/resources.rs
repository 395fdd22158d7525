//! The operations of both API versions: one file per resource. v1 responses have the shapes of the v1.37 reference; most
//! fields of v2 responses are inferred from them.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::calls::{Content, MAX_BODY_BYTES};
use super::input::{Form, Input, Query, offset_name};
use super::refusal::Refusal;
use super::routes::Route;
use super::state::{Slice, Span, State};
use crate::config::ApiKey;
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;

mod chats;
mod company;
mod credentials;
mod rooms;
mod sessions;
mod signatures;
mod uploads;
mod users;
mod webhooks;

/// A request for an operation.
pub(super) struct Call<'a> {
    pub(super) route: &'a Route,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) form: Option<&'a Form>,
    pub(super) key: &'a ApiKey,
}

impl<'a> Call<'a> {
    const fn operation(&self) -> Operation {
        self.route.operation
    }

    const fn version(&self) -> ApiVersion {
        self.route.version
    }

    fn id(&self, n: usize) -> &'a str {
        self.route.id(n)
    }

    fn input(&self) -> Result<Input, Refusal> {
        Input::parse(self.body)
    }

    const fn query(&self) -> Query<'a> {
        Query::new(self.query)
    }

    fn span(&self) -> Result<Span, Refusal> {
        self.query().span(self.version())
    }

    /// What is recorded for assertions.
    pub(super) fn content(&self, response: Option<Value>) -> Content {
        let body = match self.form {
            Some(form) => Some(form.outline()),
            None if self.body.len() > MAX_BODY_BYTES => None,
            None => serde_json::from_slice(self.body).ok(),
        };
        Content { query: self.query.map(str::to_owned), body, response }
    }

    fn form(&self) -> Result<&'a Form, Refusal> {
        self.form.ok_or_else(|| Refusal::request("file_not_found", "The body is not a form"))
    }
}

/// The response to an operation.
pub(super) struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) body: ResponseBody,
}

pub(super) enum ResponseBody {
    Json(Value),
    File { content_type: &'static str, bytes: Bytes },
}

impl ApiResponse {
    const fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: ResponseBody::Json(body) }
    }

    /// A successful creation: 201 on v2, 200 on v1.
    const fn created(version: ApiVersion, body: Value) -> Self {
        let status = match version {
            ApiVersion::V1 => StatusCode::OK,
            ApiVersion::V2 => StatusCode::CREATED,
        };
        Self { status, body: ResponseBody::Json(body) }
    }
}

type Handler = fn(&mut State, &Call<'_>) -> Result<Option<ApiResponse>, Refusal>;

/// Each handler returns `None` for operations that belong to another resource.
const RESOURCES: [Handler; 9] = [
    users::handle,
    rooms::handle,
    credentials::handle,
    company::handle,
    sessions::handle,
    uploads::handle,
    chats::handle,
    webhooks::handle,
    signatures::handle,
];

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<ApiResponse, Refusal> {
    state.close_expired_rooms();
    for handler in RESOURCES {
        if let Some(response) = handler(state, call)? {
            return Ok(response);
        }
    }
    Err(Refusal::no_endpoint())
}

/// A page of a list, in the format that nearly all lists share.
fn list_response<T>(
    version: ApiVersion,
    name: &str,
    span: Span,
    slice: Slice<T>,
    item: impl Fn(T) -> Value,
) -> ApiResponse {
    let items: Vec<Value> = slice.items.into_iter().map(item).collect();
    let mut body = json!({"limit": span.limit, "has_more": slice.has_more, "count": items.len()});
    body[offset_name(version)] = span.offset.into();
    body[name] = items.into();
    ApiResponse::ok(body)
}
