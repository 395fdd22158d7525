//! Responses and the headers they all have.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use super::error::ApiError;

/// Why a streamed body breaks off.
pub type StreamError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a response: whole, or streamed.
pub type ResponseBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, StreamError>>;

const JSON: &str = "application/json; charset=utf-8";

/// A response that is a success.
pub struct Response(http::Response<ResponseBody>);

impl Response {
    /// A JSON body.
    ///
    /// # Errors
    ///
    /// An internal error, when the value cannot be serialized.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Self(whole(status, JSON, body.into())))
    }

    /// A body of another kind.
    #[must_use]
    pub fn content(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self(whole(StatusCode::OK, content_type, body.into()))
    }

    /// A file that is streamed to the caller, who is made to save it. A stream that breaks off breaks the connection, so
    /// that a part of the file is not taken for the whole.
    #[must_use]
    pub fn download<S, E>(content_type: Option<&str>, length: Option<u64>, bytes: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<StreamError>,
    {
        let frames = bytes.map(|bytes| bytes.map(Frame::data).map_err(Into::into));
        let mut response = with_common_headers(StatusCode::OK, Either::Right(StreamBody::new(frames).boxed_unsync()));
        let headers = response.headers_mut();
        let content_type = content_type.and_then(|text| HeaderValue::from_str(text).ok());
        let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        // The file is of foreign origin, so a browser must not show it as part of this site.
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Self(response)
    }

    /// No body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self(with_common_headers(status, Either::Left(Full::default())))
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(super) fn into_http(self) -> http::Response<ResponseBody> {
        self.0
    }
}

impl ApiError {
    pub(super) fn to_http(&self, request: &HeaderMap) -> http::Response<ResponseBody> {
        let (content_type, body) = self.render(request);
        let mut response = whole(self.status(), content_type, body.into());
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.closes() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> http::Response<ResponseBody> {
    let mut response = with_common_headers(status, Either::Left(Full::new(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn with_common_headers(status: StatusCode, body: ResponseBody) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    // Personal links and tokens must stay in no cache on the way.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
