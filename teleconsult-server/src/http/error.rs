//! Every answer that is no success: its meaning here, its rendering in one place.
//!
//! Two shapes coexist, as with the predecessor: a sentence alone (`{"error"}`) where its documentation shows one, the
//! platform's three keys elsewhere. With `accept: application/problem+json` both become RFC 9457. No upstream address,
//! driver text, name, link or key is in any of them.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::UpstreamError;
use crate::store::StoreError;
use crate::vendor::VendorError;

const STORE_UNAVAILABLE: &str = "store_unavailable";
/// What the caller is told when waiting helps and nobody said how long.
const RETRY_AFTER_STORE: Duration = Duration::from_secs(5);
/// The vendor's own samples wait a minute after a refusal for quota that names no time.
const RETRY_AFTER_QUOTA: Duration = Duration::from_secs(60);

/// An answer that is no success.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    shape: Shape,
    retry_after: Option<Duration>,
    close: bool,
    /// What the log says beside it. Never shown to the caller.
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
    /// The status of the answer.
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

/// An error as RFC 9457 has it, for who accepts `application/problem+json`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the status tells the kind of problem.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status of the answer.
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

    /// Nobody we know called.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::sentence(StatusCode::UNAUTHORIZED, "Unauthorized user")
    }

    /// A record that is not there, for operations other than viewing.
    #[must_use]
    pub fn not_found() -> Self {
        Self::standard(StatusCode::NOT_FOUND, "Something went wrong")
    }

    /// Our own mistake.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::standard(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong").because(cause)
    }

    /// Closes the connection after the answer, because the rest of the request is not read.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Tells the log why.
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

    /// What the log says beside it.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(crate) const fn is_sentence(&self) -> bool {
        matches!(self.shape, Shape::Sentence(_))
    }

    /// Whether the store could not serve.
    pub(super) fn is_store_error(&self) -> bool {
        matches!(self.shape, Shape::Standard { code: Some(STORE_UNAVAILABLE), .. })
    }

    pub(super) const fn closes(&self) -> bool {
        self.close
    }

    /// Whole seconds, rounded up: coming a moment early is refused again.
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

/// Texts and numbers alone, which always can be written.
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let Some(upstream) = error.upstream() {
            return Self::from(upstream);
        }
        Self::coded(
            StatusCode::SERVICE_UNAVAILABLE,
            STORE_UNAVAILABLE,
            "the data store cannot serve now; nothing was changed",
        )
        .after(RETRY_AFTER_STORE)
        .because(crate::base::error_chain::chain(&error))
    }
}

/// What a platform service refuses is passed on, as the predecessor does; its failures are told without its address.
impl From<&UpstreamError> for ApiError {
    fn from(error: &UpstreamError) -> Self {
        let answer = match error.refusal() {
            Some((status, message)) => Self::standard(status, message.unwrap_or("Something went wrong")),
            None => Self::coded(StatusCode::SERVICE_UNAVAILABLE, "platform_unavailable", error.sentence())
                .after(error.retry_after().unwrap_or(RETRY_AFTER_STORE)),
        };
        answer.because(crate::base::error_chain::chain(error))
    }
}

/// The vendor's failures are ours to the caller, who asked for none of these calls: never a 4xx.
impl From<VendorError> for ApiError {
    fn from(error: VendorError) -> Self {
        match error {
            VendorError::CircuitOpen { retry_after } => {
                let message = "the video provider keeps failing and is not asked for a moment";
                Self::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_resting", message).after(retry_after)
            }
            VendorError::Call(error) => error.into(),
        }
    }
}

impl From<bandyer_client::Error> for ApiError {
    fn from(error: bandyer_client::Error) -> Self {
        let told = error.retry_after();
        let unavailable = error.status() == Some(StatusCode::SERVICE_UNAVAILABLE);
        let answer = if error.is_rate_limited() || (unavailable && told.is_some()) {
            Self::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_busy", "the video provider is busy")
                .after(told.unwrap_or(RETRY_AFTER_QUOTA))
        } else if error.is_timeout() {
            Self::coded(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "the video provider did not answer in time")
        } else if error.is_unauthorized() {
            // Not 401 or 403: it is our key that is wrong, and a browser would ask its user to log in again.
            Self::coded(StatusCode::BAD_GATEWAY, "upstream_error", "the video provider refused this service")
        } else if error.kind() == bandyer_client::ErrorKind::Connect {
            Self::coded(StatusCode::BAD_GATEWAY, "upstream_unreachable", "the video provider cannot be reached")
        } else {
            Self::coded(StatusCode::BAD_GATEWAY, "upstream_error", "the video provider could not carry out the request")
        };
        answer.because(crate::base::error_chain::chain(&error))
    }
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
        assert_eq!(rendered(&ApiError::unauthorized()), r#"{"error":"Unauthorized user"}"#);
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
    fn a_problem_document_is_given_to_who_asks_for_it() {
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
    }

    #[test]
    fn our_own_mistakes_tell_the_caller_nothing() {
        assert!(!rendered(&ApiError::internal("canary")).contains("canary"));
    }
}
