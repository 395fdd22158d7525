//! Reads a request within limits.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::ApiError;
use super::input::Input;
use super::multipart::Picture;
use crate::api::routes::Route;
use crate::auth::Caller;
use crate::config::Limits;

/// A request that was routed and read.
#[derive(Debug)]
pub struct Request {
    /// What is asked for.
    pub route: Route,
    /// The `:roomId` of the path, whatever the caller wrote there.
    pub id: Option<String>,
    /// The `:sessionId` of the path, likewise.
    pub session: Option<String>,
    /// The query string, decoded.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, where the route takes one and the caller sent one.
    pub body: Option<Value>,
    /// The picture, where the route takes one.
    pub picture: Option<Picture>,
    /// The caller; unknown if the peer is not trusted to identify callers.
    pub caller: Caller,
}

impl Request {
    /// The body to read from.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn input(&self) -> Result<Input<'_>, ApiError> {
        self.body.as_ref().map(Input::body).ok_or_else(|| ApiError::validation("body must be object"))
    }

    /// The last value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Refuses a request that does not say, or says twice, for whom it is.
///
/// # Errors
///
/// 400 that closes the connection.
pub fn check_host(version: http::Version, headers: &HeaderMap) -> Result<(), ApiError> {
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == http::Version::HTTP_11) {
        return Err(ApiError::standard(StatusCode::BAD_REQUEST, "exactly one Host header is needed").closing());
    }
    Ok(())
}

/// Whether another reader might see another end of this request.
///
/// hyper drops a `content-length` that comes with `transfer-encoding` and does not tell, so such a request cannot be told
/// from an honest one without parsing heads a second time. What follows on the same connection is what a smuggler is
/// after: nothing is ever read after a chunked body, as RFC 9112 (6.1) demands of who does not refuse. hyper 1.12 closes
/// after the two of them by itself; that is documented nowhere, so nothing here depends on it.
#[must_use]
pub fn must_close_after(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

/// The query string, decoded.
#[must_use]
pub fn query_pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// How much of a body beyond the limit is read and thrown away before it is refused, in bytes. A client that is still
/// sending when the connection closes sees a reset and never the answer.
const DISCARD_BYTES: usize = 4 * 1024 * 1024;

/// Reads a body of JSON or of form fields within size and time. No body and no content type is no body.
///
/// # Errors
///
/// 400, 408, 413 or 415.
pub async fn read_body<B>(headers: &HeaderMap, body: B, limits: &Limits) -> Result<Option<Value>, ApiError>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(None);
    }
    let notation = notation(headers)?;
    match tokio::time::timeout(limits.body_timeout, collect(body, limits.body_bytes)).await {
        Ok(bytes) => match notation {
            Notation::Json => parse(&bytes?).map(Some),
            Notation::Fields => Ok(Some(fields(&bytes?))),
        },
        Err(_) => {
            let message = "the request body did not arrive in time";
            Err(ApiError::standard(StatusCode::REQUEST_TIMEOUT, message).closing())
        }
    }
}

async fn collect<B>(body: B, limit: usize) -> Result<BytesMut, ApiError>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let most = limit + DISCARD_BYTES;
    let mut seen =
        usize::try_from(body.size_hint().lower()).map_or(usize::MAX, |told| if told > most { told } else { 0 });
    let mut kept = BytesMut::new();
    let mut body = pin!(body);
    while seen <= most
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| {
            ApiError::standard(StatusCode::BAD_REQUEST, "the request body ended early")
                .closing()
                .because(error.into().to_string())
        })?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= limit {
            kept.extend_from_slice(&data);
        }
    }
    if seen > limit {
        let message = "Request body is too large";
        return Err(ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, "FST_ERR_CTP_BODY_TOO_LARGE", message).closing());
    }
    Ok(kept)
}

/// How a body is written.
enum Notation {
    Json,
    /// As browsers send forms without files. The predecessor's library reads it on every route.
    Fields,
}

fn notation(headers: &HeaderMap) -> Result<Notation, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(Notation::Json);
    }
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Notation::Fields);
    }
    let shown: String = media_type.chars().filter(|c| !c.is_control()).take(64).collect();
    let message = format!("Unsupported Media Type: {shown}");
    Err(ApiError::coded(StatusCode::UNSUPPORTED_MEDIA_TYPE, "FST_ERR_CTP_INVALID_MEDIA_TYPE", message).closing())
}

/// An object of texts; a field that comes several times is a list of them.
fn fields(bytes: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let value = Value::from(value);
        match fields.get_mut(&*name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = vec![first.take(), value].into(),
            None => drop(fields.insert(name.into_owned(), value)),
        }
    }
    fields.into()
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        let message = "Body cannot be empty when content-type is set to 'application/json'";
        return Err(ApiError::coded(StatusCode::BAD_REQUEST, "FST_ERR_CTP_EMPTY_JSON_BODY", message));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // Line and column only: the parser's own sentence may quote the text.
        let message = format!("Body is not valid JSON at line {} column {}", error.line(), error.column());
        ApiError::standard(StatusCode::BAD_REQUEST, message)
    })
}
