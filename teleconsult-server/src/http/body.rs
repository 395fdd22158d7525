//! Reads a JSON body or form fields within limits.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::ApiError;
use crate::base::error_chain::chain;

/// Limits for JSON bodies and form fields.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Largest body, in bytes.
    pub bytes: usize,
    /// Time for a body.
    pub timeout: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        // Twenty-five participants with many groups take less than a tenth.
        Self { bytes: 256 * 1024, timeout: Duration::from_secs(10) }
    }
}

/// How much of a body beyond the limit is read and discarded before it is refused, in bytes. A client that is still
/// sending when the connection closes sees a reset and never the response.
const DISCARD_BYTES: usize = 4 * 1024 * 1024;

/// Reads a body of JSON or of form fields within size and time. No body and no content type is no body.
///
/// # Errors
///
/// 400, 408, 413 or 415.
pub(super) async fn read_fields<B>(headers: &HeaderMap, body: B, limits: BodyLimits) -> Result<Option<Value>, ApiError>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(None);
    }
    let notation = notation(headers)?;
    match tokio::time::timeout(limits.timeout, collect(body, limits.bytes)).await {
        Ok(bytes) => match notation {
            Notation::Json => parse(&bytes?).map(Some),
            Notation::Fields => Ok(Some(fields(&bytes?))),
        },
        Err(_) => Err(too_slow()),
    }
}

/// The body did not arrive within its time.
pub(crate) fn too_slow() -> ApiError {
    ApiError::standard(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time").closing()
}

/// The body is larger than its limit.
pub(crate) fn too_large(message: &str) -> ApiError {
    ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, "FST_ERR_CTP_BODY_TOO_LARGE", message).closing()
}

/// What [`too_large`] says of JSON bodies and form fields.
pub(crate) const TOO_LARGE: &str = "Request body is too large";

/// The body is of another media type than the route reads.
pub(crate) fn unsupported_media_type(media_type: &str) -> ApiError {
    let message = format!("Unsupported Media Type: {media_type}");
    ApiError::coded(StatusCode::UNSUPPORTED_MEDIA_TYPE, "FST_ERR_CTP_INVALID_MEDIA_TYPE", message).closing()
}

async fn collect<B>(body: B, limit: usize) -> Result<BytesMut, ApiError>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let most = limit + DISCARD_BYTES;
    let declared_len = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut received = if declared_len > most { declared_len } else { 0 };
    let mut kept = BytesMut::new();
    let mut body = pin!(body);
    while received <= most
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| unreadable(&*error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len();
        if received <= limit {
            kept.extend_from_slice(&data);
        }
    }
    if received > limit {
        return Err(too_large(TOO_LARGE));
    }
    Ok(kept)
}

/// The body ended early, or its chunks are not what HTTP says.
fn unreadable(error: &(dyn std::error::Error + Send + Sync + 'static)) -> ApiError {
    let is_malformed = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
    let message = if is_malformed {
        "the request body is not validly chunked: a chunk, its size or a trailer is wrong"
    } else {
        "the request body ended early"
    };
    ApiError::standard(StatusCode::BAD_REQUEST, message).closing().because(chain(error))
}

/// The notation of a body.
enum Notation {
    Json,
    /// What browsers send for forms without files. The predecessor's library reads it on every route.
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
    Err(unsupported_media_type(&shown))
}

/// An object of strings; a field that comes several times is a list of them.
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
    // Some editors and scripts begin a file with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        // Line and column only: the parser's own sentence may quote the text.
        let message = format!("Body is not valid JSON at line {} column {}", error.line(), error.column());
        ApiError::standard(StatusCode::BAD_REQUEST, message)
    })
}
