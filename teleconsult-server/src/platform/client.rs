//! One call to a platform service: bounded in time and size, never redirected.

use std::fmt;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use url::{Position, Url};

use super::call_metrics::CallMetrics;

/// Time for a connection. These services run in the same cluster.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for one call, including its response.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest response that is read, in bytes. The CRUD Service's longest list is far below.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;
/// Longest message of a service that is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 256;

/// The address of a service, without user, query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Shows only the host, because a path may be confidential.
impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({:?})", self.0.host_str())
    }
}

impl BaseUrl {
    /// Parses `host`, `host:port` or a URL.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong = "must be a host, host:port or an http or https URL without user, query and fragment";
        // The parser drops some of them silently, which would change the host.
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong);
        }
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(|_| wrong)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(Self(url)) } else { Err(wrong) }
    }

    /// The host, and the port if it is not the usual one.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0[Position::BeforeHost..Position::AfterPort]
    }

    /// The URL of a path below it. Each segment is encoded on its own; an empty last one adds a slash at the end.
    #[must_use]
    pub fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The URL of a path and query below it, which are encoded already.
    #[must_use]
    pub fn with(&self, path_and_query: &str) -> Url {
        let (path, query) = path_and_query.split_once('?').map_or((path_and_query, None), |(p, q)| (p, Some(q)));
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", self.0.path().trim_end_matches('/'), path.trim_start_matches('/')));
        url.set_query(query);
        url
    }
}

/// Why a call to a platform service failed. It holds no address and no query.
#[derive(Debug, thiserror::Error)]
pub struct UpstreamError {
    service: &'static str,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// No connection could be made, so nothing was done.
    Unreachable,
    /// The time ended before the response; it may have been done.
    NoResponse,
    /// The connection ended before the response; it may have been done.
    Closed,
    /// The service failed or has too many calls.
    Failed(StatusCode, Option<Duration>),
    /// The service refused.
    Refused(StatusCode, Option<String>),
    /// The response cannot be parsed.
    Unreadable,
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service;
        match &self.kind {
            Kind::Unreachable => write!(f, "the {service} cannot be reached"),
            Kind::NoResponse => write!(f, "the {service} did not respond in time"),
            Kind::Closed => write!(f, "the {service} closed the connection"),
            Kind::Failed(status, _) => write!(f, "the {service} failed with status {}", status.as_u16()),
            Kind::Refused(status, _) => write!(f, "the {service} refused with status {}", status.as_u16()),
            Kind::Unreadable => write!(f, "the {service} sent a response that cannot be parsed"),
        }
    }
}

impl UpstreamError {
    /// A response that cannot be parsed.
    #[must_use]
    pub const fn unreadable(service: &'static str) -> Self {
        Self { service, kind: Kind::Unreadable }
    }

    /// Whether the request may have been carried out nevertheless.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self.kind, Kind::NoResponse | Kind::Closed | Kind::Failed(..) | Kind::Unreadable)
    }

    /// The status and message of a refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<(StatusCode, Option<&str>)> {
        match &self.kind {
            Kind::Refused(status, message) => Some((*status, message.as_deref())),
            _ => None,
        }
    }

    /// The time after which to retry, if the service gave one.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Failed(_, retry_after) => retry_after,
            _ => None,
        }
    }

    /// The message for a caller whose request changes something.
    #[must_use]
    pub fn sentence(&self) -> String {
        let service = self.service;
        match self.kind {
            Kind::Unreachable => format!("the {service} cannot be reached; nothing was changed"),
            _ => format!("the {service} is not available; check the result before you repeat the request"),
        }
    }

    /// The message for a caller whose request only reads.
    #[must_use]
    pub fn sentence_for_reads(&self) -> String {
        format!("the {} is not available", self.service)
    }
}

/// The response of a service.
#[derive(Debug)]
pub struct PlatformResponse {
    /// The status: a success or [`StatusCode::NOT_FOUND`].
    pub status: StatusCode,
    /// The body; null when it is empty.
    pub body: Value,
}

/// Calls platform services. Cheap to clone; clones share the connection pool.
#[derive(Debug, Clone)]
pub struct PlatformClient {
    http: reqwest::Client,
    metrics: Option<CallMetrics>,
}

impl PlatformClient {
    /// A client that records how long its calls take, if metrics are given.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(metrics: Option<CallMetrics>) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // Requests carry cookies and names, and these services are internal; an outbound proxy must not see them.
            .no_proxy()
            .user_agent(concat!("teleconsult-server/", env!("CARGO_PKG_VERSION")));
        Ok(Self { http: builder.build()?, metrics })
    }

    /// Makes one call. A success and a 404 are responses; every other status is an error. `template` is the path with
    /// names in place of values.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn call(
        &self,
        service: &'static str,
        method: Method,
        (url, template): (Url, &str),
        headers: HeaderMap,
        body: Option<&Value>,
    ) -> Result<PlatformResponse, UpstreamError> {
        let failed = |kind| UpstreamError { service, kind };
        let base_url = self.metrics.as_ref().map(|_| url.origin().ascii_serialization());
        let started = Instant::now();
        let mut request = self.http.request(method.clone(), url).headers(headers);
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"))
                .body(body.to_string());
        }
        let mut response = request.send().await.map_err(|error| failed(kind_of(&error)))?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(kind_of(&error)))? {
            if bytes.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(failed(Kind::Unreadable));
            }
            bytes.extend_from_slice(&chunk);
        }
        if let (Some(metrics), Some(base_url)) = (&self.metrics, base_url) {
            metrics.record(&base_url, template, &method, status, started.elapsed());
        }
        if status.is_success() {
            let body = if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes).map_err(|_| failed(Kind::Unreadable))?
            };
            return Ok(PlatformResponse { status, body });
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match status {
            StatusCode::NOT_FOUND => Ok(PlatformResponse { status, body }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(failed(Kind::Failed(status, retry_after)))
            }
            _ if status.is_client_error() => Err(failed(Kind::Refused(status, message(status, &body)))),
            _ => Err(failed(Kind::Failed(status, retry_after))),
        }
    }
}

fn kind_of(error: &reqwest::Error) -> Kind {
    if error.is_connect() || error.is_builder() {
        Kind::Unreachable
    } else if error.is_timeout() {
        Kind::NoResponse
    } else {
        Kind::Closed
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The message of the service. That of a conflict comes from the database and quotes values, so it is not passed on.
fn message(status: StatusCode, body: &Value) -> Option<String> {
    let message = body.get("message")?.as_str().filter(|_| status != StatusCode::CONFLICT)?;
    Some(message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use url::Position;

    use super::BaseUrl;

    #[test]
    fn any_text_stays_one_segment_and_leaves_query_and_host_alone() {
        let base = BaseUrl::parse("http://crud:81/base").unwrap();
        proptest!(|(text in any::<String>().prop_filter("no step", |text| !matches!(text.as_str(), "." | "..")))| {
            let mut url = base.below(&["records", &text, "state"]);
            prop_assert_eq!(&url[..Position::BeforePath], "http://crud:81");
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
            let segments: Vec<_> = url.path_segments().unwrap().map(|one| percent_decode_str(one).decode_utf8().unwrap().into_owned()).collect();
            prop_assert_eq!(segments, ["base", "records", text.as_str(), "state"]);
            // The store adds its filters this way.
            let without = url.to_string();
            url.query_pairs_mut().extend_pairs([("_q", &text)]);
            prop_assert_eq!(&url[..Position::AfterPath], without);
            prop_assert_eq!(url.query_pairs().into_owned().collect::<Vec<_>>(), [("_q".to_owned(), text)]);
        });
    }

    #[test]
    fn a_service_is_a_host_a_host_and_port_or_a_url() {
        for (text, url) in [
            ("crud-service", "http://crud-service/c/"),
            ("crud-service:8080", "http://crud-service:8080/c/"),
            ("http://crud-service/", "http://crud-service/c/"),
            ("https://h/base/", "https://h/base/c/"),
            ("[::1]:80", "http://[::1]/c/"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().below(&["c", ""]).as_str(), url);
        }
        for bad in ["", "ftp://h", "http://u:p@h", "h?x=1", "h#f", "a b", "a\nb", " h", "http://"] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_cannot_leave_their_place() {
        let base = BaseUrl::parse("h/base").unwrap();
        assert_eq!(base.below(&["a/b", "auth0|1?x#y"]).as_str(), "http://h/base/a%2Fb/auth0|1%3Fx%23y");
        assert_eq!(base.with("/users?id=a%7Cb").as_str(), "http://h/base/users?id=a%7Cb");
    }
}
