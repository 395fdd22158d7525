//! Errors of the API. The vendor does not document the shape of its error bodies, so it is defined only here.

use http::StatusCode;
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    name: &'static str,
    code: &'static str,
    message: String,
}

impl Refusal {
    const fn new(status: StatusCode, name: &'static str, code: &'static str, message: String) -> Self {
        Self { status, name, code, message }
    }

    pub(super) fn invalid_key() -> Self {
        let message = "The API key is missing or invalid".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "invalid_api_key", message)
    }

    /// The request itself is wrong.
    pub(super) fn request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message.into())
    }

    /// A parameter is wrong.
    pub(super) fn validation(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", code, message.into())
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", code, message.into())
    }

    /// 422 with the error name of a 400, as in the vendor's table for recordings.
    pub(super) fn unprocessable_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", code, message.into())
    }

    /// The current state does not allow the operation. v2 only.
    pub(super) fn precondition(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "invalid_request_error", code, message.into())
    }

    pub(super) fn too_many() -> Self {
        let message = "Too many requests".to_owned();
        Self::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", "too_many_requests", message)
    }

    pub(super) fn no_endpoint() -> Self {
        Self::not_found("not_found", "The endpoint does not exist")
    }

    pub(super) fn too_large() -> Self {
        let message = "The body is larger than 20 MiB".to_owned();
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "body_too_large", message)
    }

    /// The response of a fault.
    pub(super) fn fault(status: StatusCode) -> Self {
        let (name, code) = match status.as_u16() {
            401 => ("invalid_api_key", "invalid_api_key"),
            429 => ("invalid_request_error", "too_many_requests"),
            400..=499 => ("invalid_request_error", "emulated_fault"),
            _ => ("internal_server_error", "internal_server_error"),
        };
        Self::new(status, name, code, "This fault was requested".to_owned())
    }

    pub(super) fn body(&self) -> Value {
        json!({"status": self.status.as_u16(), "name": self.name, "code": self.code, "message": self.message})
    }
}
