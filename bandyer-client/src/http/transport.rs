//! One attempt over the network: limited in time and size, with classified errors, never redirected.
//!
//! This is the only module that uses `reqwest`. A new major version of it affects only this module and the public alias
//! [`HttpClient`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;
use url::Url;

use crate::config::{ConfigError, is_loopback};
use crate::error::ErrorKind;
use crate::http::call::Payload;

/// What [`ClientBuilder::http_client`](crate::ClientBuilder::http_client) takes: `reqwest::ClientBuilder` of the version
/// this crate depends on, which is 0.13.
pub type HttpClientBuilder = reqwest::ClientBuilder;

pub(crate) type HttpClient = reqwest::Client;

/// How many redirects lead to a file at most. Content delivery networks need one or two.
const MAX_FILE_REDIRECTS: u32 = 5;

const KEY_HEADER: &str = "apikey";

/// How long an unused connection is kept. Load balancers close theirs after 60 to 75 s; a request sent on a connection
/// that is being closed is lost with an unknown outcome. reqwest's default is 90 s.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct TransportSettings {
    pub(crate) base_url: Url,
    pub(crate) key: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) http_client: Option<HttpClientBuilder>,
}

pub(crate) struct Transport {
    http: HttpClient,
    base_url: Url,
    key: HeaderValue,
    user_agent: HeaderValue,
    max_response_bytes: usize,
}

/// The content of one attempt.
pub(crate) struct Attempt<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Option<&'a Payload>,
    /// Covers the whole response, or only its headers if the body is [streamed](BodyMode::Streamed).
    pub(crate) timeout: Duration,
    pub(crate) mode: BodyMode,
}

/// How the body of a successful response is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyMode {
    /// The body is JSON of the vendor and is read completely, within the size limit.
    Buffered,
    /// The body is a file, which the caller reads chunk by chunk.
    Streamed,
    /// The same, but from the target of a link, which may be any host. The key is not sent.
    StreamedWithoutKey,
}

/// A response, successful or not.
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body, if it is streamed.
    pub(crate) stream: Option<BodyStream>,
}

/// A body that is not read completely yet.
pub(crate) struct BodyStream(reqwest::Response);

impl BodyStream {
    /// The next chunk, or `None` at the end.
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

/// Why there is no response, or only an incomplete one.
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
        let http = http_client(settings.http_client.unwrap_or_default(), settings.connect_timeout)?;
        Ok(Self {
            http,
            base_url: settings.base_url,
            key: settings.key,
            user_agent: settings.user_agent,
            max_response_bytes: settings.max_response_bytes,
        })
    }

    /// The URL of an operation. Each segment is escaped; a segment that would change the path structure is rejected.
    pub(crate) fn url<S: AsRef<str>>(&self, segments: &[S], query: &[(String, String)]) -> Result<Url, &'static str> {
        let mut url = self.base_url.clone();
        {
            // Only URLs like `mailto:` have no path, and the client builder rejects those.
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

    /// Whether a file may be fetched from this address: https, or plain http on loopback if the API is on loopback too.
    pub(crate) fn may_fetch(&self, file: &Url) -> bool {
        match file.scheme() {
            "https" => true,
            "http" => is_loopback(file) && is_loopback(&self.base_url),
            _ => false,
        }
    }

    pub(crate) async fn send(&self, attempt: Attempt<'_>) -> Result<HttpResponse, Failure> {
        let deadline = Instant::now() + attempt.timeout;
        // The attempt timeout would abort the download of a large file, so it covers only the headers of one.
        let late = || Failure::of(ErrorKind::Timeout, "no response in time");
        let response = tokio::time::timeout_at(deadline, self.headers_of(&attempt)).await.map_err(|_| late())??;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_success() && attempt.mode != BodyMode::Buffered {
            return Ok(HttpResponse { status, headers, body: Bytes::new(), stream: Some(BodyStream(response)) });
        }
        let late = Failure::of(ErrorKind::Timeout, "the response did not end in time");
        match tokio::time::timeout_at(deadline, self.read(response)).await.unwrap_or(Err(late)) {
            Ok(body) => Ok(HttpResponse { status, headers, body, stream: None }),
            // The status alone shows the rejection; an unreadable error body must not hide it.
            Err(_) if !status.is_success() => Ok(HttpResponse { status, headers, body: Bytes::new(), stream: None }),
            Err(failure) => Err(Failure { status: Some(status), ..failure }),
        }
    }

    /// The response, whose body is not read yet. Redirects are followed only for the target of a link.
    async fn headers_of(&self, attempt: &Attempt<'_>) -> Result<reqwest::Response, Failure> {
        let mut response = self.request(attempt, attempt.url).send().await.map_err(classify)?;
        let mut redirects = 0;
        while attempt.mode == BodyMode::StreamedWithoutKey && response.status().is_redirection() {
            let Some(target) = redirect_target(&response) else { break };
            if !self.may_fetch(&target) {
                return Err(Failure::of(ErrorKind::Decode, "the file was moved to an address that is no https URL"));
            }
            redirects += 1;
            if redirects > MAX_FILE_REDIRECTS {
                return Err(Failure::of(ErrorKind::Decode, "the link to the file leads from one address to the next"));
            }
            response = self.request(attempt, &target).send().await.map_err(classify)?;
        }
        Ok(response)
    }

    fn request(&self, attempt: &Attempt<'_>, url: &Url) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .request(attempt.method.clone(), url.clone())
            .header(header::USER_AGENT, self.user_agent.clone())
            .headers(attempt.headers.clone());
        if attempt.mode == BodyMode::Buffered && !attempt.headers.contains_key(header::ACCEPT) {
            request = request.header(header::ACCEPT, "application/json");
        }
        if attempt.mode != BodyMode::StreamedWithoutKey {
            request = request.header(KEY_HEADER, self.key.clone());
        }
        if let Some(payload) = attempt.body {
            request = request.header(header::CONTENT_TYPE, payload.content_type.clone()).body(payload.bytes.clone());
        }
        request
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Bytes, Failure> {
        let too_large = || Failure::of(ErrorKind::Decode, "the response is larger than the limit");
        if response.content_length().is_some_and(|length| length > self.max_response_bytes as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > self.max_response_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// The address in `location`, which may be relative.
fn redirect_target(response: &reqwest::Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    #[expect(clippy::disallowed_methods, reason = "a relative location is resolved as a browser does it")]
    response.url().join(location).ok()
}

pub(crate) fn http_client(builder: HttpClientBuilder, connect_timeout: Duration) -> Result<HttpClient, ConfigError> {
    builder
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        // The key is sent in a custom header, which reqwest would forward to the target of a redirect.
        .redirect(reqwest::redirect::Policy::none())
        // `retry.rs` decides about retries; a second policy would multiply the attempts.
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| ConfigError::HttpClient(error.into()))
}

/// `is_connect` is checked first: a connect timeout is both, and only for connect errors it is certain that nothing was
/// sent. Every other error counts as sent, including an incomplete body, which reqwest reports as a decoding error.
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
    // Without the URL, because it contains ids, which are personal data, and query parameters.
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

    fn transport(base_url: &str) -> Transport {
        Transport::new(TransportSettings {
            base_url: Url::parse(base_url).unwrap(),
            key: HeaderValue::from_static("k"),
            user_agent: HeaderValue::from_static("a"),
            connect_timeout: Duration::from_secs(1),
            max_response_bytes: 1,
            http_client: None,
        })
        .unwrap()
    }

    #[test]
    fn a_file_is_fetched_over_https_or_within_loopback() {
        for (base, file, expected) in [
            ("https://h/v2", "https://files.example/r", true),
            ("https://h/v2", "http://files.example/r", false),
            ("https://h/v2", "http://127.0.0.1:1/r", false),
            ("http://127.0.0.1:2/v2", "http://127.0.0.1:1/r", true),
            ("http://127.0.0.1:2/v2", "http://files.example/r", false),
            ("http://127.0.0.1:2/v2", "ftp://127.0.0.1/r", false),
        ] {
            assert_eq!(transport(base).may_fetch(&Url::parse(file).unwrap()), expected, "{base} {file}");
        }
    }

    #[test]
    fn any_id_stays_within_its_path_segment() {
        let transport = transport("https://h/prefix/v2");
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
            // A URL cannot contain tabs or line breaks, so they are escaped too.
            prop_assert_eq!(percent_decode_str(segments[3]).decode_utf8().unwrap(), id.as_str());
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("q".to_owned(), query)]);
        });
    }
}
