//! Closes connections that are silent for too long: a short limit once a head has begun, a long one between requests.
//!
//! hyper has one limit for both, and no value suits both: a gateway keeps idle connections for more than a minute,
//! which is far too long for a head that trickles in byte by byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Whether a request is in progress. The limits for its body and its response hold then.
#[derive(Debug, Default)]
pub(super) struct Activity(AtomicBool);

/// Marks a request as in progress until it is dropped.
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    pub(super) fn busy(activity: &Arc<Self>) -> Busy {
        activity.0.store(true, Ordering::Relaxed);
        Busy(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
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
}

impl<S> IdleTimeoutStream<S> {
    /// The first head counts as begun: a client that connects and sends nothing is not one that is idle between requests.
    pub(super) fn new(stream: S, activity: Arc<Activity>, header_timeout: Duration, idle_timeout: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(header_timeout));
        Self { stream, activity, header_timeout, idle_timeout, phase: Phase::Head, deadline }
    }

    fn enter(&mut self, phase: Phase, limit: Duration) {
        self.phase = phase;
        self.deadline.as_mut().reset(Instant::now() + limit);
    }

    /// Bytes of a response were sent: what follows is the wait for its reader, or for the next request. A response that is
    /// sent slowly is not silence: a long file may take longer than a connection may be idle.
    fn wrote(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) && !self.activity.0.load(Ordering::Relaxed) {
            self.enter(Phase::Idle, self.idle_timeout);
            // hyper has polled for bytes while the request was in progress, and polls again only when it is woken, so the
            // deadline has to wake it. It cannot have passed yet.
            let _ = self.deadline.as_mut().poll(context);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeoutStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.activity.0.load(Ordering::Relaxed) {
            this.phase = Phase::Busy;
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        if this.phase == Phase::Busy {
            this.enter(Phase::Idle, this.idle_timeout);
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if this.phase == Phase::Idle && buffer.filled().len() > before {
                this.enter(Phase::Head, this.header_timeout);
            }
            return Poll::Ready(read);
        }
        ready!(this.deadline.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client was silent for too long")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeoutStream<S> {
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
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
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
