//! Closes connections that are silent for too long: a short limit once a head has begun, a long one between requests.
//!
//! hyper has one limit for both, and none of them would do: a gateway keeps idle connections for more than a minute,
//! and that is far too long for a head that trickles in byte by byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Whether a request is being worked on. Its own limits hold then: for the body and for the answer.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicBool);

/// A request is being worked on for as long as this lives.
pub(super) struct Busy(Arc<Pace>);

impl Pace {
    pub(super) fn busy(pace: &Arc<Self>) -> Busy {
        pace.0.store(true, Ordering::Relaxed);
        Busy(Arc::clone(pace))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// A head has begun.
    Head,
    /// A request is being worked on.
    Busy,
}

/// A socket with the two limits.
pub(super) struct PacedStream {
    stream: TcpStream,
    pace: Arc<Pace>,
    header_timeout: Duration,
    idle_timeout: Duration,
    phase: Phase,
    deadline: Pin<Box<Sleep>>,
}

impl PacedStream {
    /// The first head counts as begun: a client that connects and says nothing is not an idle one that has asked before.
    pub(super) fn new(stream: TcpStream, pace: Arc<Pace>, header_timeout: Duration, idle_timeout: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(header_timeout));
        Self { stream, pace, header_timeout, idle_timeout, phase: Phase::Head, deadline }
    }

    fn enter(&mut self, phase: Phase, limit: Duration) {
        self.phase = phase;
        self.deadline.as_mut().reset(Instant::now() + limit);
    }
}

impl AsyncRead for PacedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pace.0.load(Ordering::Relaxed) {
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

impl AsyncWrite for PacedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
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
