//! Answers and the headers they all have.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use super::error::ApiError;

/// The body of every answer.
pub type Body = Full<Bytes>;

const JSON: &str = "application/json; charset=utf-8";

/// An answer that is a success.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Option<(&'static str, Bytes)>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// A JSON body.
    ///
    /// # Errors
    ///
    /// An internal error, when the value is no JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Self { status, body: Some((JSON, body.into())), header: None })
    }

    /// A body of another kind.
    #[must_use]
    pub fn content(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, body: Some((content_type, body.into())), header: None }
    }

    /// No body.
    #[must_use]
    pub const fn empty(status: StatusCode) -> Self {
        Self { status, body: None, header: None }
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = match self.body {
            Some((content_type, body)) => response(self.status, content_type, body),
            None => with_common_headers(self.status, Bytes::new()),
        };
        response.headers_mut().extend(self.header);
        response
    }
}

impl ApiError {
    pub(super) fn into_response(self, request: &HeaderMap) -> Response<Body> {
        let (content_type, body) = self.render(request);
        let mut response = response(self.status(), content_type, body.into());
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.closes() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = with_common_headers(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn with_common_headers(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    // Personal links and tokens must stay in no cache on the way.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
