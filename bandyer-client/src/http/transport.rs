//! One try over the network: bounded in time and size, classified, never redirected.
//!
//! This is the only module that names `reqwest`; a new major version of it ends here and in the public alias
//! [`HttpClient`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::config::ConfigError;
use crate::error::ErrorKind;
use crate::wire::Payload;

/// The HTTP client that [`ClientBuilder::http_client`](crate::ClientBuilder::http_client) takes: `reqwest::Client`
/// of the version this crate depends on.
pub type HttpClient = reqwest::Client;

const KEY_HEADER: &str = "apikey";

/// How long an unused connection is kept. Load balancers close theirs after 60 to 75 s; a request sent on a connection
/// that is being closed is lost with an unknown outcome. reqwest's default is 90 s.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct TransportSettings {
    pub(crate) base_url: Url,
    pub(crate) key: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_answer_bytes: usize,
    pub(crate) http_client: Option<HttpClient>,
}

pub(crate) struct Transport {
    http: HttpClient,
    base_url: Url,
    key: HeaderValue,
    user_agent: HeaderValue,
    max_answer_bytes: usize,
}

/// What one try sends.
pub(crate) struct Attempt<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Option<&'a Payload>,
    /// For the answer: all of it, or its head alone where the body is left [open](BodyMode::LeaveOpen).
    pub(crate) timeout: Duration,
    pub(crate) mode: BodyMode,
}

/// What becomes of the body of a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyMode {
    /// It is JSON of the vendor, read whole within the size limit.
    ReadWhole,
    /// It is a file, read piece by piece by whoever asked.
    LeaveOpen,
    /// The same, from wherever a link of the vendor leads: the key stays here.
    LeaveOpenWithoutKey,
}

/// What the vendor answered, success or not.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The rest of a file that was asked for.
    pub(crate) open: Option<OpenBody>,
}

/// A body that is still arriving.
pub(crate) struct OpenBody(reqwest::Response);

impl OpenBody {
    /// The next piece, or nothing at the end.
    pub(crate) async fn next(&mut self, idle_timeout: Duration) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(idle_timeout, self.0.chunk()).await {
            Ok(chunk) => chunk.map_err(classify),
            Err(_) => Err(Failure::of(ErrorKind::Timeout, "nothing arrived for too long")),
        }
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.0.content_length()
    }
}

/// Why there is no answer, or only half of one.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) status: Option<StatusCode>,
    pub(crate) detail: Option<&'static str>,
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    fn of(kind: ErrorKind, detail: &'static str) -> Self {
        Self { kind, status: None, detail: Some(detail), source: None }
    }
}

impl Transport {
    pub(crate) fn new(settings: TransportSettings) -> Result<Self, ConfigError> {
        let http = match settings.http_client {
            Some(client) => client,
            None => default_client(settings.connect_timeout)?,
        };
        Ok(Self {
            http,
            base_url: settings.base_url,
            key: settings.key,
            user_agent: settings.user_agent,
            max_answer_bytes: settings.max_answer_bytes,
        })
    }

    /// The address of an operation. Segments are escaped one by one; one that would leave its place is refused.
    pub(crate) fn url<S: AsRef<str>>(&self, segments: &[S], query: &[(String, String)]) -> Result<Url, &'static str> {
        let mut url = self.base_url.clone();
        {
            // Only addresses like `mailto:` have no path, and those are refused when the client is built.
            let mut path = url.path_segments_mut().map_err(|()| "the base URL has no path")?;
            for segment in segments {
                match segment.as_ref() {
                    "" => return Err("a path segment is empty"),
                    "." | ".." => return Err("a path segment is `.` or `..`"),
                    segment => path.push(segment),
                };
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(crate) async fn send(&self, attempt: Attempt<'_>) -> Result<Answer, Failure> {
        let mut request = self
            .http
            .request(attempt.method.clone(), attempt.url.clone())
            .header(header::USER_AGENT, self.user_agent.clone())
            .headers(attempt.headers.clone());
        if attempt.mode == BodyMode::ReadWhole {
            request = request.timeout(attempt.timeout);
            if !attempt.headers.contains_key(header::ACCEPT) {
                request = request.header(header::ACCEPT, "application/json");
            }
        }
        if attempt.mode != BodyMode::LeaveOpenWithoutKey {
            request = request.header(KEY_HEADER, self.key.clone());
        }
        if let Some(payload) = attempt.body {
            request = request.header(header::CONTENT_TYPE, payload.content_type.clone()).body(payload.bytes.clone());
        }
        let response = match attempt.mode {
            BodyMode::ReadWhole => request.send().await.map_err(classify)?,
            // The time of a try would cut a long file, so it holds for the head here.
            BodyMode::LeaveOpen | BodyMode::LeaveOpenWithoutKey => {
                let sent = tokio::time::timeout(attempt.timeout, request.send()).await;
                sent.map_err(|_| Failure::of(ErrorKind::Timeout, "no answer in time"))?.map_err(classify)?
            }
        };
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_success() && attempt.mode != BodyMode::ReadWhole {
            return Ok(Answer { status, headers, body: Bytes::new(), open: Some(OpenBody(response)) });
        }
        let late = Failure::of(ErrorKind::Timeout, "the answer did not end in time");
        match tokio::time::timeout(attempt.timeout, self.read(response)).await.unwrap_or(Err(late)) {
            Ok(body) => Ok(Answer { status, headers, body, open: None }),
            // The status alone already says that it was refused; a broken error page must not hide it.
            Err(_) if !status.is_success() => Ok(Answer { status, headers, body: Bytes::new(), open: None }),
            Err(failure) => Err(Failure { status: Some(status), ..failure }),
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Bytes, Failure> {
        let too_large = || Failure::of(ErrorKind::Decode, "the answer is larger than the limit");
        if response.content_length().is_some_and(|length| length > self.max_answer_bytes as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > self.max_answer_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

pub(crate) fn default_client(connect_timeout: Duration) -> Result<HttpClient, ConfigError> {
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        // The key is a custom header, which reqwest would hand to whatever host a redirect names.
        .redirect(reqwest::redirect::Policy::none())
        // One policy decides about repeats, in `retry.rs`; two would multiply.
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| ConfigError::HttpClient(error.into()))
}

/// Connecting comes first: a connect time-out is both, and only then it is sure that nothing was sent. All the rest
/// counts as sent, also a body cut short, which reqwest calls a decoding error.
fn classify(error: reqwest::Error) -> Failure {
    let kind = if error.is_connect() {
        ErrorKind::Connect
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        ErrorKind::InvalidRequest
    } else {
        ErrorKind::Interrupted
    };
    // Without its URL: ids are personal data and query strings may be worse.
    Failure { kind, status: None, detail: None, source: Some(error.without_url().into()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use url::Url;

    use super::{Transport, TransportSettings};

    fn transport() -> Transport {
        Transport::new(TransportSettings {
            base_url: Url::parse("https://h/prefix/v2").unwrap(),
            key: HeaderValue::from_static("k"),
            user_agent: HeaderValue::from_static("a"),
            connect_timeout: Duration::from_secs(1),
            max_answer_bytes: 1,
            http_client: None,
        })
        .unwrap()
    }

    #[test]
    fn whatever_an_id_holds_it_stays_in_its_segment() {
        let transport = transport();
        proptest!(|(id in any::<String>(), query in any::<String>())| {
            let url = transport.url(&["users", &id], &[("q".to_owned(), query.clone())]);
            if id.is_empty() || id == "." || id == ".." {
                prop_assert!(url.is_err());
                return Ok(());
            }
            let url = url.unwrap();
            prop_assert_eq!(url.host_str(), Some("h"));
            prop_assert!(url.fragment().is_none());
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(&segments[..3], ["prefix", "v2", "users"]);
            prop_assert_eq!(segments.len(), 4);
            // A URL carries no tabs or line breaks, so these are escaped like the rest.
            prop_assert_eq!(percent_decode_str(segments[3]).decode_utf8().unwrap(), id.as_str());
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("q".to_owned(), query)]);
        });
    }
}
