//! Downloads of files, chunk by chunk.

mod file;
mod save;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

pub use self::file::{Download, DownloadReader};
pub use self::save::SaveError;

use crate::error::{Error, ErrorKind, Result};
use crate::http::call::Call;
use crate::http::connection::Connection;
use crate::http::request::{Execution, Limits, Request, Sending};
use crate::http::retry::RetryPolicy;
use crate::http::span::OperationSpan;
use crate::http::transport::{BodyMode, HttpResponse};
use crate::types::secret::FileUrl;

/// Default limit of the size of a file, in bytes. It is large enough for a long recording and stops an endless body.
const DEFAULT_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Default time without any data after which a download fails.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A download that is ready to be sent.
///
/// Before the first byte it is retried like any read. After that, a lost connection is an error, because the caller may
/// already have used the part that arrived.
#[must_use = "a download does nothing until it is awaited"]
pub struct DownloadRequest {
    connection: Connection,
    operation: &'static str,
    source: Result<Source>,
    resumption: Option<Resumption>,
    limits: Limits,
    max_bytes: u64,
    idle_timeout: Duration,
}

/// Where an interrupted download goes on; from [`Download::resumption`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    pub(super) offset: u64,
    /// The strong `etag` or the `last-modified` of the content that was received so far.
    pub(super) validator: String,
}

impl Resumption {
    /// The number of bytes before it.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let range = HeaderValue::try_from(format!("bytes={}-", self.offset));
        if let (Ok(range), Ok(validator)) = (range, HeaderValue::try_from(&self.validator)) {
            headers.insert(header::RANGE, range);
            // If the file has changed meanwhile, the response is the whole new one.
            headers.insert(header::IF_RANGE, validator);
        }
        headers
    }
}

enum Source {
    /// An operation whose response body is the file.
    Call(Box<Call>),
    /// An operation whose response is a link to the file. A link may expire, so it may be needed twice.
    Link(Box<dyn Fn() -> Request<FileUrl> + Send + Sync>),
}

impl DownloadRequest {
    pub(crate) fn of_call(connection: Connection, operation: &'static str, call: Result<Call>) -> Self {
        Self::new(connection, operation, call.map(|call| Source::Call(Box::new(call))))
    }

    pub(crate) fn of_link(
        connection: Connection,
        operation: &'static str,
        link: impl Fn() -> Request<FileUrl> + Send + Sync + 'static,
    ) -> Self {
        Self::new(connection, operation, Ok(Source::Link(Box::new(link))))
    }

    fn new(connection: Connection, operation: &'static str, source: Result<Source>) -> Self {
        let limits = Limits::of(&connection);
        let (max_bytes, idle_timeout) = (DEFAULT_MAX_BYTES, DEFAULT_IDLE_TIMEOUT);
        Self { connection, operation, source, resumption: None, limits, max_bytes, idle_timeout }
    }

    /// Requests only the rest of a file whose download was interrupted. [`Download::offset`] says whether the response begins
    /// there: if the file has changed, or its host cannot send parts, the response is the whole file.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, session: bandyer_client::SessionId) -> bandyer_client::Result<()> {
    /// let mut download = client.recordings().download(&session).await?;
    /// let first = download.next().await?;
    /// if let Some(position) = download.resumption() {
    ///     let rest = client.recordings().download(&session).resume_from(position).await?;
    ///     println!("from byte {}", rest.offset());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume_from(mut self, position: Resumption) -> Self {
        self.resumption = Some(position);
        self
    }

    /// Sets the maximum size of the file, in bytes; 4 GiB by default. If `content-length` exceeds it, nothing is
    /// downloaded. Otherwise the download fails with [`ErrorKind::Decode`] when it reaches the limit.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the time without any data after which the download fails; 30 s by default.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the timeout of one attempt, from connecting to the headers of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy, which applies before the first byte. Its total timeout covers the request for the link and
    /// those for the file together.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.limits.retry = policy;
        self
    }

    /// Sends the request and returns the download once the headers of the response have arrived.
    ///
    /// A link to a file leads to any host, so the key is not sent there, and redirects to https addresses are followed. If
    /// that host refuses the link with 401 or 403, the link has expired: another one is requested, once.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; [`ErrorKind::Decode`] if the file is too large or its link is invalid.
    pub async fn send(self) -> Result<Download> {
        let Self { connection, operation, source, resumption, limits, max_bytes, idle_timeout } = self;
        let opening = Opening { connection: &connection, operation, source: &source?, limits, max_bytes, idle_timeout };
        opening.open(resumption.as_ref()).await
    }
}

/// Opens a download, as often as it takes.
struct Opening<'a> {
    connection: &'a Connection,
    operation: &'static str,
    source: &'a Source,
    limits: Limits,
    max_bytes: u64,
    idle_timeout: Duration,
}

impl Opening<'_> {
    async fn open(&self, resumption: Option<&Resumption>) -> Result<Download> {
        let span = OperationSpan::new(self.connection.version(), self.operation);
        let opened = span.instrument(self.open_in_span(resumption)).await;
        span.end(opened.as_ref().map(|(download, status)| (download.attempts, *status)));
        opened.map(|(download, _)| download)
    }

    async fn open_in_span(&self, resumption: Option<&Resumption>) -> Result<(Download, StatusCode)> {
        let Self { connection, operation, source, max_bytes, idle_timeout, .. } = *self;
        let limits = self.limits.started();
        let headers = resumption.map(Resumption::headers).unwrap_or_default();
        let (response, attempts) = match source {
            Source::Call(call) => {
                let mut call = (**call).clone();
                call.headers.extend(headers);
                let url = connection.transport().url(&call.segments, &call.query);
                let url = url.map_err(|detail| Error::invalid_request(operation, detail))?;
                let mode = BodyMode::Streamed;
                Execution { connection, operation, call: &call, limits, mode }.execute_at(&url).await?
            }
            Source::Link(request) => match open_link(connection, operation, limits, request(), headers.clone()).await {
                Err(error) if error.is_refused_link() => {
                    let before = error.attempts();
                    let (response, attempts) = open_link(connection, operation, limits, request(), headers).await?;
                    (response, before + attempts)
                }
                opened => opened?,
            },
        };
        let text = |name| response.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // A weak validator says that two contents mean the same, not that their bytes are equal.
        let strong = text(header::ETAG).filter(|etag| !etag.starts_with("W/"));
        let part = match response.status {
            StatusCode::PARTIAL_CONTENT => {
                let expected = resumption.map_or(0, |position| position.offset);
                let part = text(header::CONTENT_RANGE).and_then(Part::parse).filter(|part| part.offset == expected);
                let is_same = resumption
                    .zip(strong)
                    .is_none_or(|(position, etag)| position.validator == etag || !position.validator.starts_with('"'));
                // Without a matching range, it is unknown where the bytes belong.
                part.filter(|_| is_same).ok_or_else(|| {
                    Error::new(ErrorKind::Decode, operation).detail("the response is another part of the file")
                })?
            }
            _ => Part { offset: 0, total: None },
        };
        let content_type = text(header::CONTENT_TYPE).map(str::to_owned);
        let validator = strong.or_else(|| text(header::LAST_MODIFIED)).map(str::to_owned);
        let read_only = match source {
            Source::Call(call) => call.is_read_only(),
            Source::Link(_) => true,
        };
        let body =
            response.stream.ok_or_else(|| Error::new(ErrorKind::Decode, operation).detail("there is no file"))?;
        let download = Download {
            operation,
            body,
            content_type,
            validator,
            part,
            max_bytes,
            idle_timeout,
            attempts,
            read_only,
            received: 0,
        };
        match download.length() {
            Some(length) if length > max_bytes => Err(download.too_large()),
            _ => Ok((download, response.status)),
        }
    }
}

/// Which part of a file a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// Where it begins, in bytes.
    offset: u64,
    /// The length of the whole file, if the response says so.
    total: Option<u64>,
}

impl Part {
    /// Parses a `content-range`, such as `bytes 5-9/10` or `bytes 5-9/*`.
    fn parse(range: &str) -> Option<Self> {
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let offset = range.split_once('-')?.0.parse().ok()?;
        Some(Self { offset, total: total.parse().ok() })
    }
}

/// Requests the link, and then the file. Attempts at both count.
async fn open_link(
    connection: &Connection,
    operation: &'static str,
    limits: Limits,
    request: Request<FileUrl>,
    headers: HeaderMap,
) -> Result<(HttpResponse, u32)> {
    let link = request.within(operation, limits).send_with_response().await?;
    let before = link.attempts();
    let invalid = || Error::new(ErrorKind::Decode, operation).detail("the link to the file is no https URL");
    let url = Url::parse(link.into_body().expose()).map_err(|_| invalid())?;
    if !connection.transport().may_fetch(&url) {
        return Err(invalid());
    }
    let mut call = Call::new(Method::GET, &[]);
    call.headers = headers;
    let execution = Execution { connection, operation, call: &call, limits, mode: BodyMode::StreamedWithoutKey };
    match execution.execute_at(&url).await {
        Ok((response, attempts)) => Ok((response, before + attempts)),
        Err(mut error) => {
            let inner = error.inner_mut();
            inner.attempts += before;
            inner.from_file_host = true;
            Err(error)
        }
    }
}

impl IntoFuture for DownloadRequest {
    type Output = Result<Download>;
    type IntoFuture = Sending<Download>;

    fn into_future(self) -> Sending<Download> {
        Box::pin(self.send())
    }
}

impl fmt::Debug for DownloadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadRequest").field("operation", &self.operation).finish_non_exhaustive()
    }
}
