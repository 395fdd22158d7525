//! Closes connections that are silent for too long: a short limit once a head has begun, a long one between requests. And
//! notices clients that leave before their response.
//!
//! hyper has one limit for both, and no value suits both: a gateway keeps idle connections for more than a minute,
//! which is far too long for a head that trickles in byte by byte.
//!
//! hyper looks for the end of a connection only while it has no bytes that it has not parsed yet. Bytes that follow a
//! request would hide that its client has left, so this stream reads on itself then.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How much is read beyond a request while its response is being made. A client that has sent more and leaves is noticed
/// when the response is written.
const LOOK_AHEAD_BYTES: usize = 16 * 1024;

/// Whether a request is in progress. The limits for its body and its response hold then.
#[derive(Debug, Default)]
pub(super) struct Activity(AtomicU8);

const NO_REQUEST: u8 = 0;
const RECEIVING: u8 = 1;
const RESPONDING: u8 = 2;

/// Marks a request as in progress until it is dropped.
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    pub(super) fn busy(activity: &Arc<Self>) -> Busy {
        activity.0.store(RECEIVING, Ordering::Relaxed);
        Busy(Arc::clone(activity))
    }

    fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) != NO_REQUEST
    }

    /// The body of the request was received.
    fn received(&self) {
        let _ = self.0.compare_exchange(RECEIVING, RESPONDING, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// The body of a request. Until its end, hyper reads and notices by itself that the client has left.
pub struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, activity: Arc<Activity>) -> Self {
        if body.is_end_stream() {
            activity.received();
        }
        Self { body, activity }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || this.body.is_end_stream() {
            this.activity.received();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.store(NO_REQUEST, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests, or while a response is sent.
    Idle,
    /// A head has begun.
    Head,
    /// A request is in progress.
    Busy,
}

/// A socket with the two limits.
pub(super) struct IdleTimeoutStream<S> {
    stream: S,
    activity: Arc<Activity>,
    header_timeout: Duration,
    idle_timeout: Duration,
    phase: Phase,
    deadline: Pin<Box<Sleep>>,
    /// Bytes that were read while a response was being made.
    ahead: BytesMut,
    /// Whether hyper waits for bytes, and so for the end of the connection.
    is_reader_waiting: bool,
}

impl<S> IdleTimeoutStream<S> {
    /// The first head counts as begun: a client that connects and sends nothing is not one that is idle between requests.
    pub(super) fn new(stream: S, activity: Arc<Activity>, header_timeout: Duration, idle_timeout: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(header_timeout));
        let (phase, ahead) = (Phase::Head, BytesMut::new());
        Self { stream, activity, header_timeout, idle_timeout, phase, deadline, ahead, is_reader_waiting: false }
    }

    fn enter(&mut self, phase: Phase, limit: Duration) {
        self.phase = phase;
        self.deadline.as_mut().reset(Instant::now() + limit);
    }

    /// Bytes of a response were sent: what follows is the wait for its reader, or for the next request. A response that is
    /// sent slowly is not silence: a long file may take longer than a connection may be idle.
    fn wrote(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) && !self.activity.is_busy() {
            self.enter(Phase::Idle, self.idle_timeout);
            // hyper has polled for bytes while the request was in progress, and polls again only when it is woken, so the
            // deadline has to wake it. It cannot have passed yet.
            let _ = self.deadline.as_mut().poll(context);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> IdleTimeoutStream<S> {
    fn poll_bytes(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            let read = Pin::new(&mut self.stream).poll_read(context, buffer);
            self.is_reader_waiting = read.is_pending();
            return read;
        }
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        self.is_reader_waiting = false;
        Poll::Ready(Ok(()))
    }

    /// Reads on while a response is being made and hyper does not. Fails if the client has left.
    fn look_ahead(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.ahead.len() < LOOK_AHEAD_BYTES {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer)? {
                Poll::Pending => break,
                Poll::Ready(()) if buffer.filled().is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Poll::Ready(()) => self.ahead.extend_from_slice(buffer.filled()),
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeoutStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.activity.is_busy() {
            this.phase = Phase::Busy;
            return this.poll_bytes(context, buffer);
        }
        if this.phase == Phase::Busy {
            this.enter(Phase::Idle, this.idle_timeout);
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = this.poll_bytes(context, buffer) {
            if this.phase == Phase::Idle && buffer.filled().len() > before {
                this.enter(Phase::Head, this.header_timeout);
            }
            return Poll::Ready(read);
        }
        ready!(this.deadline.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client was silent for too long")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for IdleTimeoutStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes whenever it is polled, also while there is nothing to write.
        if this.activity.0.load(Ordering::Relaxed) == RESPONDING && !this.is_reader_waiting {
            this.look_ahead(context)?;
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::{Activity, IdleTimeoutStream};

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    fn pair() -> (IdleTimeoutStream<DuplexStream>, DuplexStream, Arc<Activity>) {
        let (server, client) = duplex(16);
        let activity = Arc::new(Activity::default());
        (IdleTimeoutStream::new(server, Arc::clone(&activity), HEAD, IDLE), client, activity)
    }

    /// How long nothing is read until the connection counts as silent. The clock advances only when all tasks are idle.
    async fn silence(stream: &mut IdleTimeoutStream<DuplexStream>) -> Duration {
        let started = Instant::now();
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        started.elapsed()
    }

    fn is_about(actual: Duration, expected: Duration) -> bool {
        actual.abs_diff(expected) < Duration::from_millis(10)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_new_connection_has_the_time_of_a_head() {
        let (mut stream, _client, _) = pair();
        assert!(is_about(silence(&mut stream).await, HEAD));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_has_more_time_and_a_slow_head_has_no_more() {
        let (mut stream, mut client, activity) = pair();
        drop(Activity::busy(&activity));
        // To the stream, a request was in progress.
        let busy = Activity::busy(&activity);
        client.write_all(b"x").await.unwrap();
        stream.read_u8().await.unwrap();
        drop(busy);
        client.write_all(b"a").await.unwrap();
        tokio::time::advance(Duration::from_secs(70)).await;
        stream.read_u8().await.unwrap();
        tokio::time::advance(Duration::from_secs(6)).await;
        client.write_all(b"b").await.unwrap();
        stream.read_u8().await.unwrap();
        assert!(is_about(silence(&mut stream).await, HEAD - Duration::from_secs(6)));
    }

    #[tokio::test]
    async fn bytes_after_a_request_do_not_hide_that_its_client_left() {
        let (mut stream, mut client, activity) = pair();
        let busy = Activity::busy(&activity);
        client.write_all(b"body").await.unwrap();
        stream.flush().await.unwrap();
        activity.received();
        stream.flush().await.unwrap();
        drop(busy);
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"body", "what was read ahead is read later");

        let _busy = Activity::busy(&activity);
        activity.received();
        client.write_all(b"next").await.unwrap();
        drop(client);
        assert_eq!(stream.flush().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_response_is_not_silence_and_an_unread_one_is() {
        let (mut stream, mut client, activity) = pair();
        let busy = Activity::busy(&activity);
        client.write_all(b"x").await.unwrap();
        stream.read_u8().await.unwrap();
        drop(busy);
        for _ in 0..10 {
            // hyper looks for the client's end while it writes.
            tokio::select! {
                biased;
                read = stream.read_u8() => panic!("{read:?}"),
                () = tokio::time::sleep(Duration::from_secs(50)) => {}
            }
            stream.write_all(&[0; 16]).await.unwrap();
            client.read_exact(&mut [0; 16]).await.unwrap();
        }
        assert!(is_about(silence(&mut stream).await, IDLE));
    }
}
