//! Answers and the headers they all have.

use bandyer_client::Download;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use super::error::ApiError;

/// The body of an answer: whole, or a file of the vendor that is passed on as it comes.
pub type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, bandyer_client::Error>>;

const JSON: &str = "application/json; charset=utf-8";

/// An answer that is a success.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Option<(&'static str, Bytes)>,
    file: Option<Download>,
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
        Ok(Self { status, body: Some((JSON, body.into())), file: None, header: None })
    }

    /// A body of another kind.
    #[must_use]
    pub fn content(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, body: Some((content_type, body.into())), file: None, header: None }
    }

    /// A file of the vendor, passed on as it comes. One that breaks off breaks the connection, so that nobody takes a part
    /// of it for the whole.
    #[must_use]
    pub const fn file(file: Download) -> Self {
        Self { status: StatusCode::OK, body: None, file: Some(file), header: None }
    }

    /// No body.
    #[must_use]
    pub const fn empty(status: StatusCode) -> Self {
        Self { status, body: None, file: None, header: None }
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = match (self.body, self.file) {
            (Some((content_type, body)), _) => response(self.status, content_type, body),
            (None, Some(file)) => passed_on(self.status, file),
            (None, None) => with_common_headers(self.status, whole(Bytes::new())),
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
    let mut response = with_common_headers(status, whole(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn whole(bytes: Bytes) -> Body {
    Either::Left(Full::new(bytes))
}

fn passed_on(status: StatusCode, file: Download) -> Response<Body> {
    let content_type = file.content_type().and_then(|text| HeaderValue::from_str(text).ok());
    let length = file.length();
    let frames = file.into_stream().map(|piece| piece.map(Frame::data));
    let mut response = with_common_headers(status, Either::Right(StreamBody::new(frames).boxed_unsync()));
    let headers = response.headers_mut();
    // The vendor's file is not ours to show: a browser that opens it must save it.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

fn with_common_headers(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // Personal links and tokens must stay in no cache on the way.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
