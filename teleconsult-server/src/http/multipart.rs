//! Reads a form with one picture within limits.

use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, BodyStream};
use hyper::body::Body;
use multer::{Constraints, Multipart, SizeLimit};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::ApiError;

/// Largest picture, in bytes. Source: the predecessor's page on the background image.
pub const MAX_PICTURE_BYTES: u64 = 10 * 1024 * 1024;
/// What a form may hold beside the picture, in bytes.
const MAX_OVERHEAD_BYTES: u64 = 64 * 1024;
/// Time for a form. The limit for JSON would ask for 8 Mbit/s.
const FORM_TIMEOUT: Duration = Duration::from_secs(60);
/// When to come again, with all places taken.
const BUSY: Duration = Duration::from_secs(5);
/// The part that holds the picture.
pub const PICTURE_PART: &str = "virtual_background";

/// How many pictures are in memory at once. A company has ten, so nobody waits who has no bad intention.
const PICTURES_AT_ONCE: usize = 8;

static SLOTS: Semaphore = Semaphore::const_new(PICTURES_AT_ONCE);

/// A picture that was sent.
#[derive(Debug)]
pub struct Picture {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its place in memory, given back with it.
    _slot: SemaphorePermit<'static>,
}

/// Reads the picture of a form.
///
/// # Errors
///
/// 400, 408, 413, 415 or 503.
pub async fn read_picture<B>(headers: &HeaderMap, body: B) -> Result<Picture, ApiError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(content_type) else {
        let message = "Unsupported Media Type: multipart/form-data is needed";
        let code = "FST_ERR_CTP_INVALID_MEDIA_TYPE";
        return Err(ApiError::coded(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, message).closing());
    };
    let Ok(slot) = SLOTS.try_acquire() else {
        return Err(too_many_pictures());
    };
    match tokio::time::timeout(FORM_TIMEOUT, picture_of(body, boundary)).await {
        Ok(bytes) => Ok(Picture { bytes: bytes?, _slot: slot }),
        Err(_) => {
            let message = "the request body did not arrive in time";
            Err(ApiError::standard(StatusCode::REQUEST_TIMEOUT, message).closing())
        }
    }
}

/// All places are taken.
pub(crate) fn too_many_pictures() -> ApiError {
    let message = "too many pictures are being sent at once";
    ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "busy", message).after(BUSY).closing()
}

/// Lets a form pass by unseen, so that who sends it gets to see the answer.
pub async fn pass_over<B>(body: B)
where
    B: Body<Data = Bytes> + Send,
{
    let mut body = pin!(body);
    let mut seen = 0;
    let passing = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, |data| data.len() as u64);
            if seen > MAX_PICTURE_BYTES + MAX_OVERHEAD_BYTES {
                return;
            }
        }
    };
    // One that takes too long sees the connection close.
    let _ = tokio::time::timeout(FORM_TIMEOUT, passing).await;
}

async fn picture_of<B>(body: B, boundary: String) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = BodyStream::new(body).filter_map(|frame| {
        ready(match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(error.into())),
        })
    });
    let sizes = SizeLimit::new()
        .whole_stream(MAX_PICTURE_BYTES + MAX_OVERHEAD_BYTES)
        .for_field(PICTURE_PART, MAX_PICTURE_BYTES);
    let mut form = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(sizes));
    while let Some(field) = form.next_field().await.map_err(refused)? {
        if field.name() == Some(PICTURE_PART) {
            return field.bytes().await.map_err(refused);
        }
    }
    Err(ApiError::validation(format!("body must have required property '{PICTURE_PART}'")).closing())
}

/// The connection closes: what is left of the form is not worth reading.
fn refused(error: multer::Error) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            let message = "Request body is too large: the picture has at most 10 MB";
            ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, "FST_ERR_CTP_BODY_TOO_LARGE", message).closing()
        }
        error => ApiError::standard(StatusCode::BAD_REQUEST, "the form cannot be read")
            .closing()
            .because(crate::base::error_chain::chain(&error)),
    }
}
