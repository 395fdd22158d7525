//! The answers that are no success. Each example is what the server writes.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::super::{Operation as Named, idempotency, refused};
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::http::multipart::too_many_pictures;
use crate::vendor::VendorError;

/// A status and what it means, with an answer that really comes.
pub(super) type Failure = (&'static str, ApiError);

/// What every route may answer.
pub(super) fn always() -> Vec<Failure> {
    vec![
        (
            "The request does not say for whom it is.",
            ApiError::standard(StatusCode::BAD_REQUEST, "exactly one Host header is needed"),
        ),
        ("Our own mistake; the log says more.", ApiError::internal("")),
        (
            "The request took too long. It may still be carried out.",
            ApiError::coded(
                StatusCode::GATEWAY_TIMEOUT,
                "request_timeout",
                "the request took too long; it may still be carried out",
            ),
        ),
    ]
}

/// What every route that reads a body may answer.
pub(super) fn of_bodies() -> Vec<Failure> {
    vec![
        ("Something in the body is not what it must be.", ApiError::validation("body must be object")),
        (
            "The body did not arrive in time.",
            ApiError::standard(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time"),
        ),
        (
            "The body is larger than 256 KiB.",
            ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, "FST_ERR_CTP_BODY_TOO_LARGE", "Request body is too large"),
        ),
        (
            "The body is neither JSON nor form fields.",
            ApiError::coded(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "FST_ERR_CTP_INVALID_MEDIA_TYPE",
                "Unsupported Media Type: text/xml",
            ),
        ),
    ]
}

/// What a route that reads a form may answer.
pub(super) fn of_forms() -> Vec<Failure> {
    vec![
        (
            "The form cannot be read, or lacks the picture.",
            ApiError::standard(StatusCode::BAD_REQUEST, "the form cannot be read"),
        ),
        (
            "The form did not arrive in time.",
            ApiError::standard(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time"),
        ),
        (
            "The picture is larger than 10 MB.",
            ApiError::coded(
                StatusCode::PAYLOAD_TOO_LARGE,
                "FST_ERR_CTP_BODY_TOO_LARGE",
                "Request body is too large: the picture has at most 10 MB",
            ),
        ),
        ("Too many pictures are being sent at once.", too_many_pictures()),
        (
            "The body is no form.",
            ApiError::coded(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "FST_ERR_CTP_INVALID_MEDIA_TYPE",
                "Unsupported Media Type: multipart/form-data is needed",
            ),
        ),
    ]
}

/// What every route that reads or writes records may answer.
pub(super) fn of_the_store() -> Vec<Failure> {
    vec![(
        "The data store cannot serve now, or others are changing the same teleconsultation. Nothing was changed.",
        crate::store::StoreError::corrupt("").into(),
    )]
}

/// What every route that calls the vendor may answer.
pub(super) fn of_the_vendor() -> Vec<Failure> {
    vec![
        (
            "The video provider could not carry out the request or cannot be reached.",
            ApiError::coded(
                StatusCode::BAD_GATEWAY,
                "upstream_error",
                "the video provider could not carry out the request",
            ),
        ),
        (
            "The video provider keeps failing and is left alone for a moment. Nothing was done.",
            VendorError::CircuitOpen { retry_after: std::time::Duration::from_secs(2) }.into(),
        ),
        (
            "The video provider is busy.",
            ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_busy", "the video provider is busy")
                .after(std::time::Duration::from_secs(60)),
        ),
        (
            "The video provider did not answer in time.",
            ApiError::coded(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "the video provider did not answer in time",
            ),
        ),
    ]
}

/// What a route that heeds an `Idempotency-Key` may answer.
pub(super) fn of_keys() -> Vec<Failure> {
    vec![
        ("The `Idempotency-Key` cannot be used.", idempotency::unusable()),
        ("A request with the same `Idempotency-Key` is being carried out.", idempotency::running()),
        ("Another request was sent with the same `Idempotency-Key`.", idempotency::reused()),
    ]
}

/// What the rules refuse, in the words of this operation.
pub(super) fn of_the_rules(refusal: Refusal, method: &Method, path: &str) -> ApiError {
    let label = format!("{method} {path}");
    refused(refusal, &Named { short: label.clone(), full: label })
}

/// The answers by status, in the order of statuses. One is given by the connection, before there is a request.
pub(super) fn responses(failures: Vec<Failure>) -> Map<String, Value> {
    let mut by_status: Vec<(u16, Vec<Failure>)> = Vec::new();
    for failure in failures {
        let status = failure.1.status().as_u16();
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, same)) => same.push(failure),
            None => by_status.push((status, vec![failure])),
        }
    }
    by_status.push((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_u16(), Vec::new()));
    by_status.sort_by_key(|(status, _)| *status);
    by_status.into_iter().map(|(status, failures)| (status.to_string(), response(&failures))).collect()
}

fn response(failures: &[Failure]) -> Value {
    if failures.is_empty() {
        return json!({"description": "The head of the request is larger than 32 KiB. No body; the connection is closed."});
    }
    let description = failures.iter().map(|(what, _)| *what).collect::<Vec<_>>().join(" ");
    let mut plain = Map::new();
    let mut problems = Map::new();
    for (n, (what, error)) in failures.iter().enumerate() {
        let name = format!("case{}", n + 1);
        plain.insert(name.clone(), json!({"summary": what, "value": body(error, &HeaderMap::new())}));
        problems.insert(name, json!({"summary": what, "value": body(error, &accepting_problems())}));
    }
    let sentences = failures.iter().any(|(_, error)| error.is_sentence());
    let standard = failures.iter().any(|(_, error)| !error.is_sentence());
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schema = match (sentences, standard) {
        (true, true) => json!({"anyOf": [reference("Sentence"), reference("Failure")]}),
        (true, false) => reference("Sentence"),
        _ => reference("Failure"),
    };
    let mut response = json!({
        "description": description,
        "content": {
            "application/json": {"schema": schema, "examples": plain},
            "application/problem+json": {"schema": reference("Problem"), "examples": problems},
        },
    });
    if failures.iter().any(|(_, error)| error.retry_after_seconds().is_some()) {
        response["headers"] = json!({"retry-after": {
            "description": "Seconds to wait before the next try.",
            "schema": {"type": "integer", "minimum": 0},
        }});
    }
    response
}

fn body(error: &ApiError, request: &HeaderMap) -> Value {
    serde_json::from_slice(&error.render(request).1).unwrap_or_default()
}

fn accepting_problems() -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/problem+json"))])
}
