//! A request whose route is known and whose body was read.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use super::error::ApiError;
use super::multipart::UploadedFile;
use super::validation::{RequestBody, read_body};

/// A request that was routed and read.
#[derive(Debug)]
pub struct Request<T> {
    /// The route and the values in the path.
    pub target: T,
    /// The query string, decoded.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReceivedBody,
    /// The address of the connection's other end.
    pub peer: IpAddr,
}

/// The body of a request.
#[derive(Debug)]
pub enum ReceivedBody {
    /// None was sent, or the route reads none.
    None,
    /// JSON, or the fields of a form.
    Fields(Value),
    /// The file of a form.
    File(UploadedFile),
}

impl<T> Request<T> {
    /// The JSON or the fields of the body.
    #[must_use]
    pub const fn fields(&self) -> Option<&Value> {
        match &self.body {
            ReceivedBody::Fields(fields) => Some(fields),
            ReceivedBody::None | ReceivedBody::File(_) => None,
        }
    }

    /// Reads the fields of the body into a type.
    ///
    /// # Errors
    ///
    /// 400 when there is no body, or something in it is wrong.
    pub fn read<B: RequestBody>(&self) -> Result<B, ApiError> {
        self.read_optional()?.ok_or_else(|| ApiError::validation("body must be object"))
    }

    /// The same for a body that may be absent.
    ///
    /// # Errors
    ///
    /// 400 when something in the body is wrong.
    pub fn read_optional<B: RequestBody>(&self) -> Result<Option<B>, ApiError> {
        self.fields().map(read_body).transpose()
    }

    /// The last value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Refuses a request that names no host, or two.
///
/// # Errors
///
/// 400 that closes the connection.
pub(super) fn check_host(version: http::Version, headers: &HeaderMap) -> Result<(), ApiError> {
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == http::Version::HTTP_11) {
        return Err(ambiguous_host().closing());
    }
    Ok(())
}

/// The request names no host, or two.
pub(crate) fn ambiguous_host() -> ApiError {
    ApiError::standard(StatusCode::BAD_REQUEST, "exactly one Host header is needed")
}

/// Whether another reader might see another end of this request.
///
/// hyper drops a `content-length` that comes with `transfer-encoding` without notice, so such a request cannot be
/// distinguished from an honest one without parsing heads a second time. What follows on the same connection is what a smuggler is
/// after: nothing is ever read after a chunked body, as RFC 9112 (6.1) demands of servers that do not refuse. hyper 1.12
/// closes after the two of them by itself; that is documented nowhere, so nothing here depends on it.
#[must_use]
pub(super) fn must_close_after(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

/// The query string, decoded.
#[must_use]
pub(super) fn query_pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}
