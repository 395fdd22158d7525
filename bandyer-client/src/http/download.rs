//! Files, piece by piece.

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
use crate::http::request::{Request, Sending};
use crate::http::retry::RetryPolicy;
use crate::http::span::OperationSpan;
use crate::http::transport::{BodyMode, Failure, OpenBody};
use crate::model::secret::FileUrl;
use crate::wire::Call;

/// How much of a file is read, in bytes, unless set otherwise: a long recording fits, a file without an end does not.
const DEFAULT_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// How long nothing may arrive before a file is given up, unless set otherwise.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A file that is ready to be fetched.
///
/// Until the first byte it is tried again like any reading request; after that a lost connection is an error, because
/// nobody knows what the caller did with the part that arrived.
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
    /// An operation whose answer is the file.
    Call(Result<Call>),
    /// An operation whose answer is a link to the file.
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

    /// Limits the size, in bytes; 4 GiB unless set. A file that says beforehand that it is larger is not fetched at all,
    /// and one that turns out to be is cut with [`ErrorKind::Decode`].
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Limits how long nothing may arrive; 30 s unless set.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Limits one try, from connecting to the head of the answer.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Chooses how often and how patiently it is tried again before the first byte.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Asks for the file and gives it once its first bytes are on their way.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; [`ErrorKind::Decode`] when the file is too large or its link cannot be used.
    pub async fn send(self) -> Result<Download> {
        let span = OperationSpan::new(self.client.api_version(), self.operation);
        let opened = span.around(self.open()).await;
        span.end(opened.as_ref().map(|(_, attempts, status)| (*attempts, *status)));
        opened.map(|(download, ..)| download)
    }

    async fn open(self) -> Result<(Download, u32, StatusCode)> {
        let Self { client, operation, source, max_bytes, idle_timeout, attempt_timeout, retry } = self;
        let sending = |call, mode| Sending { client, operation, call, attempt_timeout, retry, mode };
        let (sending, url) = match source {
            Source::Call(call) => {
                let call = call?;
                let url = client.transport().url(&call.segments, &call.query);
                let url = url.map_err(|detail| Error::invalid_request(operation, detail))?;
                (sending(call, BodyMode::LeaveOpen), url)
            }
            Source::Link(link) => {
                let link = link.attempt_timeout(attempt_timeout).retry(retry).send().await?;
                (sending(Call::get(&[]), BodyMode::LeaveOpenWithoutKey), usable(&link, operation)?)
            }
        };
        let (answer, attempts) = sending.run_at(&url).await?;
        let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body = answer.open.ok_or_else(|| Error::new(ErrorKind::Decode, operation).detail("there is no file"))?;
        let download = Download { operation, body, content_type, max_bytes, idle_timeout, received: 0 };
        match download.length() {
            Some(length) if length > max_bytes => Err(download.too_large()),
            _ => Ok((download, attempts, answer.status)),
        }
    }
}

/// Files lie on hosts of the vendor's choice. No key is sent there, and nothing is fetched in the clear.
fn usable(link: &FileUrl, operation: &'static str) -> Result<Url> {
    let unusable = || Error::new(ErrorKind::Decode, operation).detail("the link to the file is no https URL");
    let url = Url::parse(link.expose()).map_err(|_| unusable())?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if safe { Ok(url) } else { Err(unusable()) }
}

impl fmt::Debug for DownloadRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadRequest").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// A file that is arriving.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client, session: bandyer_client::SessionId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut recording = client.recordings().download(&session).max_bytes(2 << 30).send().await?;
/// let mut size = 0;
/// while let Some(piece) = recording.next().await? {
///     size += piece.len(); // write it somewhere
/// }
/// # Ok(())
/// # }
/// ```
pub struct Download {
    operation: &'static str,
    body: OpenBody,
    content_type: Option<String>,
    max_bytes: u64,
    idle_timeout: Duration,
    received: u64,
}

impl Download {
    /// The media type that the sender tells.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The size in bytes, if it is told beforehand.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.body.length()
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the file is larger than the limit, [`ErrorKind::Timeout`] when nothing arrives for too
    /// long, [`ErrorKind::Interrupted`] when the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.body.next(self.idle_timeout).await.map_err(|failure| self.failed(failure))?;
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.received > self.max_bytes { Err(self.too_large()) } else { Ok(piece) }
    }

    /// The pieces as a stream. An error is given once and ends it.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold(
            self,
            |mut download| async move { Ok(download.next().await?.map(|piece| (piece, download))) },
        )
    }

    /// The whole file in memory. Choose [`max_bytes`](DownloadRequest::max_bytes) with that in mind.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    fn failed(&self, failure: Failure) -> Error {
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
