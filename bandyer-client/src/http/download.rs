//! Downloads of files, chunk by chunk.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;
use http::{StatusCode, header};
use url::Url;

use crate::client::Client;
use crate::config::is_loopback;
use crate::error::{Error, ErrorKind, Result};
use crate::http::call::Call;
use crate::http::request::{Execution, Request};
use crate::http::retry::RetryPolicy;
use crate::http::span::OperationSpan;
use crate::http::transport::{BodyMode, BodyStream, Failure};
use crate::types::secret::FileUrl;

/// Default limit of the size of a file, in bytes. It is large enough for a long recording and stops an endless body.
const DEFAULT_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Default time without any data after which a download fails.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A download that is ready to be sent.
///
/// Before the first byte it is retried like any read. After that, a lost connection is an error, because the caller may
/// already have used the part that arrived.
#[must_use = "a download does nothing until `.send()` is awaited"]
pub struct DownloadRequest<'a> {
    client: &'a Client,
    operation: &'static str,
    source: Source<'a>,
    max_bytes: u64,
    idle_timeout: Duration,
    attempt_timeout: Duration,
    retry: RetryPolicy,
}

enum Source<'a> {
    /// An operation whose response body is the file.
    Call(Result<Call>),
    /// An operation whose response is a link to the file.
    Link(Request<'a, FileUrl>),
}

impl<'a> DownloadRequest<'a> {
    pub(crate) fn of_call(client: &'a Client, operation: &'static str, call: Result<Call>) -> Self {
        Self::new(client, operation, Source::Call(call))
    }

    pub(crate) fn of_link(client: &'a Client, operation: &'static str, link: Request<'a, FileUrl>) -> Self {
        Self::new(client, operation, Source::Link(link))
    }

    fn new(client: &'a Client, operation: &'static str, source: Source<'a>) -> Self {
        Self {
            client,
            operation,
            source,
            max_bytes: DEFAULT_MAX_BYTES,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            attempt_timeout: client.attempt_timeout(),
            retry: client.retry_policy(),
        }
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
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy, which applies before the first byte.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sends the request and returns the download once the headers of the response have arrived.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; [`ErrorKind::Decode`] if the file is too large or its link is invalid.
    pub async fn send(self) -> Result<Download> {
        let span = OperationSpan::new(self.client.api_version(), self.operation);
        let opened = span.instrument(self.open()).await;
        span.end(opened.as_ref().map(|(_, attempts, status)| (*attempts, *status)));
        opened.map(|(download, ..)| download)
    }

    async fn open(self) -> Result<(Download, u32, StatusCode)> {
        let Self { client, operation, source, max_bytes, idle_timeout, attempt_timeout, retry } = self;
        let execution = |call, mode| Execution { client, operation, call, attempt_timeout, retry, mode };
        let (execution, url) = match source {
            Source::Call(call) => {
                let call = call?;
                let url = client.transport().url(&call.segments, &call.query);
                let url = url.map_err(|detail| Error::invalid_request(operation, detail))?;
                (execution(call, BodyMode::Streamed), url)
            }
            Source::Link(request) => {
                let link = request.attempt_timeout(attempt_timeout).retry(retry).send().await?;
                (execution(Call::get(&[]), BodyMode::StreamedWithoutKey), file_url(&link, operation)?)
            }
        };
        let (response, attempts) = execution.execute_at(&url).await?;
        let content_type = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body =
            response.stream.ok_or_else(|| Error::new(ErrorKind::Decode, operation).detail("there is no file"))?;
        let download = Download { operation, body, content_type, max_bytes, idle_timeout, received: 0 };
        match download.length() {
            Some(length) if length > max_bytes => Err(download.too_large()),
            _ => Ok((download, attempts, response.status)),
        }
    }
}

/// The vendor may store files on any host. The key is not sent there, and plain http is accepted on loopback only.
fn file_url(link: &FileUrl, operation: &'static str) -> Result<Url> {
    let invalid = || Error::new(ErrorKind::Decode, operation).detail("the link to the file is no https URL");
    let url = Url::parse(link.expose()).map_err(|_| invalid())?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if safe { Ok(url) } else { Err(invalid()) }
}

impl fmt::Debug for DownloadRequest<'_> {
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
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold(
            self,
            |mut download| async move { Ok(download.next().await?.map(|chunk| (chunk, download))) },
        )
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
        inner.attempts = 1;
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
