//! Downloads of files, chunk by chunk.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;
use http::{Method, StatusCode, header};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::call::Call;
use crate::http::connection::Connection;
use crate::http::request::{Execution, Limits, Request, Sending};
use crate::http::retry::RetryPolicy;
use crate::http::span::OperationSpan;
use crate::http::transport::{BodyMode, BodyStream, Failure, HttpResponse};
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
    source: Source,
    limits: Limits,
    max_bytes: u64,
    idle_timeout: Duration,
}

enum Source {
    /// An operation whose response body is the file.
    Call(Box<Result<Call>>),
    /// An operation whose response is a link to the file. A link may expire, so it may be needed twice.
    Link(Box<dyn Fn() -> Request<FileUrl> + Send + Sync>),
}

impl DownloadRequest {
    pub(crate) fn of_call(connection: Connection, operation: &'static str, call: Result<Call>) -> Self {
        Self::new(connection, operation, Source::Call(Box::new(call)))
    }

    pub(crate) fn of_link(
        connection: Connection,
        operation: &'static str,
        link: impl Fn() -> Request<FileUrl> + Send + Sync + 'static,
    ) -> Self {
        Self::new(connection, operation, Source::Link(Box::new(link)))
    }

    fn new(connection: Connection, operation: &'static str, source: Source) -> Self {
        let limits = Limits::of(&connection);
        let (max_bytes, idle_timeout) = (DEFAULT_MAX_BYTES, DEFAULT_IDLE_TIMEOUT);
        Self { connection, operation, source, limits, max_bytes, idle_timeout }
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
        let span = OperationSpan::new(self.connection.version(), self.operation);
        let opened = span.instrument(self.open()).await;
        span.end(opened.as_ref().map(|(download, status)| (download.attempts, *status)));
        opened.map(|(download, _)| download)
    }

    async fn open(self) -> Result<(Download, StatusCode)> {
        let Self { connection, operation, source, limits, max_bytes, idle_timeout } = self;
        let limits = limits.started();
        let (response, attempts) = match source {
            Source::Call(call) => {
                let call = (*call)?;
                let url = connection.transport().url(&call.segments, &call.query);
                let url = url.map_err(|detail| Error::invalid_request(operation, detail))?;
                let mode = BodyMode::Streamed;
                Execution { connection: &connection, operation, call: &call, limits, mode }.execute_at(&url).await?
            }
            Source::Link(request) => match open_link(&connection, operation, limits, request()).await {
                Err(error) if error.is_refused_link() => {
                    let before = error.attempts();
                    let (response, attempts) = open_link(&connection, operation, limits, request()).await?;
                    (response, before + attempts)
                }
                opened => opened?,
            },
        };
        let content_type = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body =
            response.stream.ok_or_else(|| Error::new(ErrorKind::Decode, operation).detail("there is no file"))?;
        let download = Download { operation, body, content_type, max_bytes, idle_timeout, attempts, received: 0 };
        match download.length() {
            Some(length) if length > max_bytes => Err(download.too_large()),
            _ => Ok((download, response.status)),
        }
    }
}

/// Requests the link, and then the file. Attempts at both count.
async fn open_link(
    connection: &Connection,
    operation: &'static str,
    limits: Limits,
    request: Request<FileUrl>,
) -> Result<(HttpResponse, u32)> {
    let link = request.within(operation, limits).send_with_response().await?;
    let before = link.attempts();
    let invalid = || Error::new(ErrorKind::Decode, operation).detail("the link to the file is no https URL");
    let url = Url::parse(link.into_body().expose()).map_err(|_| invalid())?;
    if !connection.transport().may_fetch(&url) {
        return Err(invalid());
    }
    let call = Call::new(Method::GET, &[]);
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

/// A download in progress.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client, session: bandyer_client::SessionId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut recording = client.recordings().download(&session).max_bytes(2 << 30).send().await?;
/// let mut size = 0;
/// while let Some(chunk) = recording.next().await? {
///     size += chunk.len(); // write it somewhere
/// }
/// # Ok(())
/// # }
/// ```
pub struct Download {
    operation: &'static str,
    body: BodyStream,
    content_type: Option<String>,
    max_bytes: u64,
    idle_timeout: Duration,
    /// The number of attempts until the headers of the response.
    attempts: u32,
    received: u64,
}

impl Download {
    /// The `content-type` of the file.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The `content-length` of the file in bytes, if the response contains it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.body.length()
    }

    /// The next chunk, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the file is larger than the limit, [`ErrorKind::Timeout`] if no data arrives within the
    /// idle timeout, [`ErrorKind::Interrupted`] if the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.body.next(self.idle_timeout).await.map_err(|failure| self.transport_error(failure))?;
        self.received += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.received > self.max_bytes { Err(self.too_large()) } else { Ok(chunk) }
    }

    /// Converts the download into a stream of chunks. An error ends the stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + Unpin + use<> {
        Box::pin(stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|chunk| (chunk, download)))
        }))
    }

    /// Reads the whole file into memory. Set [`max_bytes`](DownloadRequest::max_bytes) accordingly.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn transport_error(&self, failure: Failure) -> Error {
        let mut error = Error::new(failure.kind, self.operation);
        let inner = error.inner_mut();
        inner.attempts = self.attempts;
        inner.detail = failure.detail.map(str::to_owned);
        inner.source = failure.source;
        error
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::Decode, self.operation)
            .detail(format!("the file is larger than {} bytes", self.max_bytes))
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("operation", &self.operation)
            .field("content_type", &self.content_type)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
