//! Reads a form with one file within limits.

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

use super::body::{too_large, too_slow, unsupported_media_type};
use super::error::ApiError;

/// What a form may hold beside the file, in bytes.
const MAX_OVERHEAD_BYTES: u64 = 64 * 1024;
/// Time for a form. The limit for JSON would ask for 8 Mbit/s.
const FORM_TIMEOUT: Duration = Duration::from_secs(60);
/// When to retry after all slots were taken.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A form with one file.
#[derive(Debug)]
pub struct FileForm {
    /// The part that holds the file.
    pub part: &'static str,
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// What a caller with a larger one reads.
    pub too_large: &'static str,
    /// One permit for each file that may be in memory at the same time.
    pub slots: Semaphore,
    /// What a caller reads when all slots are taken.
    pub too_many: &'static str,
}

impl FileForm {
    const fn max_form_bytes(&self) -> u64 {
        self.max_bytes + MAX_OVERHEAD_BYTES
    }

    /// The file is larger than its limit.
    pub(crate) fn too_large(&self) -> ApiError {
        too_large(self.too_large)
    }

    /// All slots are taken.
    pub(crate) fn too_many(&self) -> ApiError {
        ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "busy", self.too_many).after(RETRY_AFTER).closing()
    }
}

/// A file that was sent in a form.
#[derive(Debug)]
pub struct UploadedFile {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its slot, released with it.
    _slot: SemaphorePermit<'static>,
}

/// Reads the file of a form.
///
/// # Errors
///
/// 400, 408, 413, 415 or 503.
pub(super) async fn read_file<B>(
    headers: &HeaderMap,
    body: B,
    form: &'static FileForm,
) -> Result<UploadedFile, ApiError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(content_type) else {
        return Err(not_multipart());
    };
    let Ok(slot) = form.slots.try_acquire() else {
        return Err(form.too_many());
    };
    match tokio::time::timeout(FORM_TIMEOUT, file_of(body, boundary, form)).await {
        Ok(bytes) => Ok(UploadedFile { bytes: bytes?, _slot: slot }),
        Err(_) => Err(too_slow()),
    }
}

/// The body is not a form.
pub(crate) fn not_multipart() -> ApiError {
    unsupported_media_type("multipart/form-data is needed")
}

/// The form cannot be parsed.
pub(crate) fn unreadable() -> ApiError {
    ApiError::standard(StatusCode::BAD_REQUEST, "the form cannot be read").closing()
}

/// Reads a form to its end and keeps nothing: a client that is still sending when the connection closes sees a reset and
/// never the response.
pub(super) async fn discard<B>(body: B, form: &FileForm)
where
    B: Body<Data = Bytes> + Send,
{
    let mut body = pin!(body);
    let mut received = 0;
    let discarding = async {
        while let Some(Ok(frame)) = body.frame().await {
            received += frame.data_ref().map_or(0, |data| data.len() as u64);
            if received > form.max_form_bytes() {
                return;
            }
        }
    };
    // A client that takes too long sees the connection close.
    let _ = tokio::time::timeout(FORM_TIMEOUT, discarding).await;
}

async fn file_of<B>(body: B, boundary: String, form: &FileForm) -> Result<Bytes, ApiError>
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
    let sizes = SizeLimit::new().whole_stream(form.max_form_bytes()).for_field(form.part, form.max_bytes);
    let mut fields = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(sizes));
    let refused = |error| refused(error, form);
    while let Some(field) = fields.next_field().await.map_err(refused)? {
        if field.name() == Some(form.part) {
            return field.bytes().await.map_err(refused);
        }
    }
    Err(ApiError::validation(format!("body must have required property '{}'", form.part)).closing())
}

/// The connection closes: the rest of the form is not worth reading.
fn refused(error: multer::Error, form: &FileForm) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => form.too_large(),
        error => unreadable().because(crate::base::error_chain::chain(&error)),
    }
}
