//! The one line of a request: what was requested, the response's status, and how long it took. At trace level, another
//! one when the request arrives.
//!
//! Never the raw path or query of a known route, a body, or an id of a person.

use std::net::IpAddr;
use std::time::Instant;

use http::request::Parts;
use http::{Method, StatusCode, header};

use super::error::ApiError;
use super::policy::{AccessLog, Policy};
use super::response::Response;

/// Longest unknown path and longest header value that is logged, in characters.
const MAX_CHARS: usize = 256;

/// What is logged of a request.
pub(super) struct Entry {
    pub(super) head: Parts,
    /// The policy of its route, if there is one.
    pub(super) policy: Option<Policy>,
    /// The `roomId` in the path, if it can be one.
    pub(super) room_id: Option<String>,
    pub(super) client: IpAddr,
    pub(super) started: Instant,
}

const FORWARDED_HOST: header::HeaderName = header::HeaderName::from_static("x-forwarded-host");

impl Entry {
    fn path(&self) -> String {
        self.policy.map_or_else(|| shown_path(self.head.uri.path()), |policy| policy.template.to_owned())
    }

    fn header(&self, name: header::HeaderName) -> Option<String> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok()).map(truncated)
    }

    fn hostname(&self) -> Option<String> {
        Some(self.header(header::HOST)?.split(':').next()?.to_owned())
    }
}

pub(super) fn incoming(entry: &Entry) {
    tracing::trace!(
        http.request.method = entry.head.method.as_str(),
        http.request.userAgent.original = entry.header(header::USER_AGENT),
        url.path = entry.path(),
        host.hostname = entry.hostname(),
        // Misspelt in the predecessor's lines too.
        host.forwardedHostame = entry.header(FORWARDED_HOST),
        host.ip = %entry.client,
        "incoming request"
    );
}

pub(super) fn completed(entry: &Entry, status: StatusCode, body_bytes: Option<u64>, cause: Option<&str>) {
    let log = entry.policy.map_or(AccessLog::All, |policy| policy.log);
    let is_expected = log == AccessLog::FailuresButUnavailable && status == StatusCode::SERVICE_UNAVAILABLE;
    let failed = status.is_server_error() && !is_expected;
    if log != AccessLog::All && !failed {
        return;
    }
    let response_time = entry.started.elapsed().as_secs_f64() * 1000.0;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                http.request.method = entry.head.method.as_str(),
                http.request.userAgent.original = entry.header(header::USER_AGENT),
                http.response.statusCode = status.as_u16(),
                http.response.body.bytes = body_bytes,
                url.path = entry.path(),
                url.params.roomId = entry.room_id,
                host.hostname = entry.hostname(),
                host.forwardedHost = entry.header(FORWARDED_HOST),
                host.ip = %entry.client,
                responseTime = response_time,
                cause,
                "request completed"
            )
        };
    }
    if failed { line!(error) } else { line!(info) }
}

/// Logs an outcome that no caller sees: its caller has left, or has received a timeout.
pub(super) fn unseen(method: &Method, policy: &Policy, outcome: &Result<Response, ApiError>) {
    let status = outcome.as_ref().map_or_else(ApiError::status, Response::status);
    let cause = outcome.as_ref().err().and_then(ApiError::cause);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                http.request.method = method.as_str(),
                http.response.statusCode = status.as_u16(),
                url.path = policy.template,
                cause,
                "request finished after its caller left"
            )
        };
    }
    if status.is_server_error() { line!(error) } else { line!(info) }
}

/// Logs a change that the end of the process stopped. Its outcome is unknown, as after a crash.
pub(super) fn unfinished(method: &Method, policy: &Policy) {
    tracing::warn!(
        http.request.method = method.as_str(),
        url.path = policy.template,
        "request ended unfinished, because the service stops"
    );
}

/// An unknown path, as far as it is harmless: escaped, truncated, without its query.
pub(super) fn shown_path(path: &str) -> String {
    truncated(&path.escape_default().to_string())
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}
