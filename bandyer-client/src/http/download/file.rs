//! A download in progress.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;
use tokio::io::{AsyncRead, ReadBuf};

use super::{Part, Resumption};
use crate::error::{Error, ErrorKind, Result};
use crate::http::transport::{BodyStream, Failure};

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
    pub(super) operation: &'static str,
    pub(super) body: BodyStream,
    pub(super) content_type: Option<String>,
    /// Identifies the content, so that the rest of it can be requested later.
    pub(super) validator: Option<String>,
    /// Which part of the file the body is.
    pub(super) part: Part,
    pub(super) max_bytes: u64,
    pub(super) idle_timeout: Duration,
    /// The number of attempts until the headers of the response.
    pub(super) attempts: u32,
    /// Whether the request only reads.
    pub(super) read_only: bool,
    pub(super) received: u64,
}

impl Download {
    /// The `content-type` of the file.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The length of the whole file in bytes, if the response contains it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.part.total.or_else(|| Some(self.body.length()?.saturating_add(self.part.offset)))
    }

    /// Where in the file the first chunk begins, in bytes: the offset of
    /// [`resume_from`](crate::DownloadRequest::resume_from), or zero if the response contains the whole file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.part.offset
    }

    /// What [`resume_from`](crate::DownloadRequest::resume_from) needs to request the rest of this file: its position after
    /// the chunks that were read. `None` if the response does not identify the content, by an `etag` for instance.
    #[must_use]
    pub fn resumption(&self) -> Option<Resumption> {
        Some(Resumption { offset: self.position(), validator: self.validator.clone()? })
    }

    pub(super) const fn position(&self) -> u64 {
        self.part.offset.saturating_add(self.received)
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
        match (&chunk, self.part.total) {
            _ if self.position() > self.max_bytes => Err(self.too_large()),
            // A part in chunks can end early without an error of the connection.
            (None, Some(total)) if self.position() != total => {
                let detail = Some("the file ended early");
                Err(self.transport_error(Failure { kind: ErrorKind::Interrupted, status: None, detail, source: None }))
            }
            _ => Ok(chunk),
        }
    }

    /// Converts the download into a stream of chunks. An error ends the stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + Unpin + use<> {
        Box::pin(stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|chunk| (chunk, download)))
        }))
    }

    /// Converts the download into a reader, for the functions of [`tokio::io`]. The errors of [`next`](Self::next) are the
    /// inner errors of its [`io::Error`]s.
    #[must_use]
    pub fn into_reader(self) -> DownloadReader {
        DownloadReader { chunks: Box::pin(self.into_stream()), chunk: Bytes::new() }
    }

    /// Reads the whole file into memory. Set [`max_bytes`](crate::DownloadRequest::max_bytes) accordingly.
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
        inner.read_only = self.read_only;
        inner.detail = failure.detail.map(str::to_owned);
        inner.source = failure.source;
        error
    }

    pub(super) fn too_large(&self) -> Error {
        let detail = format!("the file is larger than {} bytes", self.max_bytes);
        let mut error = Error::new(ErrorKind::Decode, self.operation).detail(detail);
        error.inner_mut().attempts = self.attempts;
        error.inner_mut().read_only = self.read_only;
        error
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

/// Reads a download; from [`Download::into_reader`].
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client, session: bandyer_client::SessionId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut recording = client.recordings().download(&session).await?.into_reader();
/// let mut storage: Vec<u8> = Vec::new(); // or anything else that implements `AsyncWrite`
/// tokio::io::copy(&mut recording, &mut storage).await?;
/// # Ok(())
/// # }
/// ```
pub struct DownloadReader {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
    chunk: Bytes,
}

impl AsyncRead for DownloadReader {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            match ready!(self.chunks.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.chunk.len().min(to.remaining());
        to.put_slice(&self.chunk[..length]);
        self.chunk.advance(length);
        Poll::Ready(Ok(()))
    }
}

fn io_error(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Timeout => io::ErrorKind::TimedOut,
        ErrorKind::Interrupted => io::ErrorKind::ConnectionReset,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}

impl fmt::Debug for DownloadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadReader").finish_non_exhaustive()
    }
}
