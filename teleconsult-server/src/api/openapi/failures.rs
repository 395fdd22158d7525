//! Responses that are not a success. Each example is what the server writes.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::api::idempotency;
use crate::api::settings::BACKGROUND_FORM;
use crate::http::body::{TOO_LARGE, too_large, too_slow, unsupported_media_type};
use crate::http::error::ApiError;
use crate::http::multipart::{not_multipart, unreadable};
use crate::http::request::ambiguous_host;
use crate::http::timed_out;
use crate::store::StoreError;
use crate::vendor::VendorError;

/// What a failure means, with a response that really comes.
pub(in crate::api) type Failure = (&'static str, ApiError);

/// Failures of every route.
pub(in crate::api) fn always() -> Vec<Failure> {
    vec![
        ("The request does not name one host.", ambiguous_host()),
        ("An error of the service itself; its log says more.", ApiError::internal("")),
        ("The request took too long. It may still be carried out.", timed_out()),
    ]
}

/// Failures of every route that reads a body.
pub(in crate::api) fn of_bodies() -> Vec<Failure> {
    vec![
        ("Something in the body is not what it must be.", ApiError::validation("body must be object")),
        ("The body did not arrive in time.", too_slow()),
        ("The body is larger than 256 KiB.", too_large(TOO_LARGE)),
        ("The body is neither JSON nor form fields.", unsupported_media_type("text/xml")),
    ]
}

/// Failures of a route that reads a form.
pub(in crate::api) fn of_forms() -> Vec<Failure> {
    vec![
        ("The form cannot be read, or lacks the picture.", unreadable()),
        ("The form did not arrive in time.", too_slow()),
        ("The picture is larger than 10 MB.", BACKGROUND_FORM.too_large()),
        ("Too many pictures are being sent at the same time.", BACKGROUND_FORM.too_many()),
        ("The body is not a form.", not_multipart()),
    ]
}

/// Failures of every route that reads or writes records.
pub(in crate::api) fn of_the_store() -> Vec<Failure> {
    vec![(
        "The data store cannot serve now, or others are changing the same teleconsultation. Nothing was changed, \
         unless the message says that it may have been.",
        StoreError::corrupt("").into(),
    )]
}

/// Failures of every route that calls the vendor.
pub(in crate::api) fn of_the_vendor() -> Vec<Failure> {
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
            "The video provider keeps failing and is not called for a moment. Nothing was done.",
            VendorError::CircuitOpen { retry_after: Duration::from_secs(2) }.into(),
        ),
        (
            "The video provider is busy.",
            ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_busy", "the video provider is busy")
                .after(Duration::from_secs(60)),
        ),
        (
            "The video provider did not respond in time.",
            ApiError::coded(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "the video provider did not respond in time",
            ),
        ),
    ]
}

/// Failures of a route that takes an `Idempotency-Key`.
pub(in crate::api) fn of_keys() -> Vec<Failure> {
    vec![
        ("The `Idempotency-Key` cannot be used.", idempotency::unusable()),
        ("A request with the same `Idempotency-Key` is being carried out.", idempotency::running()),
        ("Another request was sent with the same `Idempotency-Key`.", idempotency::reused()),
    ]
}

/// The responses by status, in the order of statuses. One comes from the connection, before there is a request.
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
            "description": "Seconds to wait before the next attempt.",
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
