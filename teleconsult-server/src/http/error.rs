//! Every response that is not a success: its meaning and its rendering.
//!
//! Two shapes coexist, as with the predecessor: a sentence alone (`{"error"}`) where its documentation shows one, the
//! platform's three keys elsewhere. With `accept: application/problem+json` both become RFC 9457. No upstream address,
//! driver text, name, link or key is in any of them.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// Longest wait that is asked of a caller, whatever a neighbour asked for. Its next request finds out how it is by then.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A response that is not a success.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    shape: Shape,
    retry_after: Option<Duration>,
    close: bool,
    /// For the log. Never shown to the caller.
    cause: Option<String>,
}

#[derive(Debug, Clone)]
enum Shape {
    /// `{"error": "<sentence>"}`.
    Sentence(String),
    /// `{"statusCode", "code"?, "error", "message"}`.
    Standard { code: Option<&'static str>, message: String },
    /// The router's own order of keys.
    Unrouted(String),
}

/// An error in a sentence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sentence", deny_unknown_fields)]
pub(crate) struct SentenceBody<'a> {
    /// What is wrong.
    error: &'a str,
}

/// An error in the platform's keys.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Failure", deny_unknown_fields)]
pub(crate) struct StandardBody<'a> {
    /// The status of the response.
    status_code: u16,
    /// The error's name, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'static str")]
    code: Option<&'static str>,
    /// The status in words.
    error: &'a str,
    /// What is wrong.
    message: &'a str,
}

/// The platform's keys in the router's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnroutedBody<'a> {
    message: &'a str,
    error: &'a str,
    status_code: u16,
}

/// An error in the form of RFC 9457, for callers that accept `application/problem+json`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status of the response.
    status: u16,
    /// What is wrong.
    detail: &'a str,
    /// The error's name, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'static str")]
    code: Option<&'static str>,
}

impl ApiError {
    /// An error whose sentence the predecessor documents, or one of that family.
    #[must_use]
    pub fn sentence(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, shape: Shape::Sentence(sentence.into()), retry_after: None, close: false, cause: None }
    }

    /// An error in the platform's three keys.
    #[must_use]
    pub fn standard(status: StatusCode, message: impl Into<String>) -> Self {
        let shape = Shape::Standard { code: None, message: message.into() };
        Self { status, shape, retry_after: None, close: false, cause: None }
    }

    /// An error in the platform's keys, with a code for programs.
    #[must_use]
    pub fn coded(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let shape = Shape::Standard { code: Some(code), message: message.into() };
        Self { shape, ..Self::standard(status, "") }
    }

    /// A request that does not fit what is expected of it.
    #[must_use]
    pub fn validation(message: impl Into<String>) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, "FST_ERR_VALIDATION", message)
    }

    /// No such path, or not with this method.
    #[must_use]
    pub fn unrouted(method: &http::Method, path: &str) -> Self {
        let message = format!("Route {method}:{path} not found");
        Self { shape: Shape::Unrouted(message), ..Self::standard(StatusCode::NOT_FOUND, "") }
    }

    /// A missing record, for operations other than viewing.
    #[must_use]
    pub fn not_found() -> Self {
        Self::standard(StatusCode::NOT_FOUND, "Something went wrong")
    }

    /// An error of the service itself.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::standard(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong").because(cause)
    }

    /// Closes the connection after the response, because the rest of the request is not read.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Says when to retry.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.min(MAX_RETRY_AFTER));
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The cause, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(crate) const fn is_sentence(&self) -> bool {
        matches!(self.shape, Shape::Sentence(_))
    }

    /// The error's name for programs, if it has one.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Standard { code, .. } => code,
            Shape::Sentence(_) | Shape::Unrouted(_) => None,
        }
    }

    pub(super) const fn closes(&self) -> bool {
        self.close
    }

    /// Whole seconds, rounded up: a caller that comes a moment early is refused again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// Content type and body.
    pub(crate) fn render(&self, request: &HeaderMap) -> (&'static str, Vec<u8>) {
        let status_code = self.status.as_u16();
        let error = self.status.canonical_reason().unwrap_or("Error");
        let (code, text) = match &self.shape {
            Shape::Sentence(text) | Shape::Unrouted(text) => (None, text),
            Shape::Standard { code, message } => (*code, message),
        };
        if wants_problem(request) {
            let body = ProblemBody { r#type: "about:blank", title: error, status: status_code, detail: text, code };
            return ("application/problem+json", json(&body));
        }
        let body = match &self.shape {
            Shape::Sentence(text) => json(&SentenceBody { error: text }),
            Shape::Unrouted(message) => json(&UnroutedBody { message, error, status_code }),
            Shape::Standard { code, message } => json(&StandardBody { status_code, code: *code, error, message }),
        };
        ("application/json; charset=utf-8", body)
    }
}

/// Strings and numbers, which can always be serialized.
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

fn wants_problem(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let media_type = range.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/problem+json")
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

    use super::ApiError;

    fn rendered(error: &ApiError) -> String {
        String::from_utf8(error.render(&HeaderMap::new()).1).unwrap()
    }

    #[test]
    fn each_shape_has_its_keys_in_its_order() {
        assert_eq!(
            rendered(&ApiError::sentence(StatusCode::UNAUTHORIZED, "Unauthorized user")),
            r#"{"error":"Unauthorized user"}"#
        );
        assert_eq!(
            rendered(&ApiError::unrouted(&Method::GET, "/x")),
            r#"{"message":"Route GET:/x not found","error":"Not Found","statusCode":404}"#
        );
        assert_eq!(
            rendered(&ApiError::not_found()),
            r#"{"statusCode":404,"error":"Not Found","message":"Something went wrong"}"#
        );
        assert_eq!(
            rendered(&ApiError::validation("body must be object")),
            r#"{"statusCode":400,"code":"FST_ERR_VALIDATION","error":"Bad Request","message":"body must be object"}"#
        );
    }

    #[test]
    fn a_problem_document_is_returned_when_accepted() {
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT, HeaderValue::from_static("text/html, application/problem+json;q=0.9"));
        let (kind, body) = ApiError::coded(StatusCode::BAD_GATEWAY, "upstream_error", "m").render(&request);
        assert_eq!(kind, "application/problem+json");
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"type":"about:blank","title":"Bad Gateway","status":502,"detail":"m","code":"upstream_error"}"#
        );
    }

    #[test]
    fn waits_are_rounded_up() {
        let error = ApiError::not_found().after(std::time::Duration::from_millis(1200));
        assert_eq!(error.retry_after_seconds(), Some(2));
        let endless = ApiError::standard(StatusCode::SERVICE_UNAVAILABLE, "busy").after(std::time::Duration::MAX);
        assert_eq!(endless.retry_after_seconds(), Some(3600));
    }

    #[test]
    fn internal_errors_do_not_show_their_cause() {
        assert!(!rendered(&ApiError::internal("canary")).contains("canary"));
    }
}
