//! Reads a form with one picture within limits.

use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyStream;
use hyper::body::Body;
use multer::{Constraints, Multipart, SizeLimit};

use super::error::ApiError;

/// Largest picture, in bytes. Source: the predecessor's page on the background image.
pub const MAX_PICTURE_BYTES: u64 = 10 * 1024 * 1024;
/// What a form may hold beside the picture, in bytes.
const MAX_OVERHEAD_BYTES: u64 = 64 * 1024;
/// Time for a form. The limit for JSON would ask for 8 Mbit/s.
const FORM_TIMEOUT: Duration = Duration::from_secs(60);
/// The part that holds the picture.
pub const PICTURE_PART: &str = "virtual_background";

/// A picture that was sent.
#[derive(Debug)]
pub struct Picture {
    /// Its bytes.
    pub bytes: Bytes,
}

/// Reads the picture of a form.
///
/// # Errors
///
/// 400, 408, 413 or 415.
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
    match tokio::time::timeout(FORM_TIMEOUT, picture_of(body, boundary)).await {
        Ok(picture) => picture,
        Err(_) => {
            let message = "the request body did not arrive in time";
            Err(ApiError::standard(StatusCode::REQUEST_TIMEOUT, message).closing())
        }
    }
}

async fn picture_of<B>(body: B, boundary: String) -> Result<Picture, ApiError>
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
            return Ok(Picture { bytes: field.bytes().await.map_err(refused)? });
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
            .because(crate::telemetry::logs::chain(&error)),
    }
}
