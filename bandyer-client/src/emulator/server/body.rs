//! Response bodies, complete and faulty.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// The chunks of a huge body.
const HUGE_CHUNK: &[u8] = &[b' '; 16 * 1024];

pub(in crate::emulator) enum EmulatedBody {
    /// In one chunk.
    Full(Bytes),
    /// Byte by byte.
    Slow { rest: Bytes, pause: Duration, next: Pin<Box<Sleep>> },
    /// A part of the declared length, after which the connection breaks.
    Truncated { part: Bytes, declared_len: u64 },
    /// Blanks, without a length.
    Huge { left: u64 },
}

impl EmulatedBody {
    pub(in crate::emulator) const fn full(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }

    pub(super) const fn huge(bytes: u64) -> Self {
        Self::Huge { left: bytes }
    }

    fn bytes(self) -> Bytes {
        match self {
            Self::Full(bytes) => bytes,
            _ => Bytes::new(),
        }
    }

    pub(super) fn slow(self, pause: Duration) -> Self {
        Self::Slow { rest: self.bytes(), pause, next: Box::pin(tokio::time::sleep(pause)) }
    }

    pub(super) fn truncated(self) -> Self {
        let bytes = self.bytes();
        Self::Truncated { declared_len: bytes.len() as u64, part: bytes.slice(..bytes.len() / 2) }
    }
}

impl Body for EmulatedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => None,
            Self::Full(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Slow { rest, .. } if rest.is_empty() => None,
            Self::Slow { rest, pause, next } => {
                ready!(next.as_mut().poll(context));
                next.as_mut().reset(Instant::now() + *pause);
                Some(Ok(rest.split_to(1)))
            }
            Self::Truncated { part, .. } if part.is_empty() => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            Self::Truncated { part, .. } => Some(Ok(std::mem::take(part))),
            Self::Huge { left: 0 } => None,
            Self::Huge { left } => {
                let size = (*left).min(HUGE_CHUNK.len() as u64);
                *left -= size;
                Some(Ok(Bytes::from_static(&HUGE_CHUNK[..usize::try_from(size).unwrap_or_default()])))
            }
        };
        Poll::Ready(frame.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Slow { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            Self::Truncated { declared_len, .. } => SizeHint::with_exact(*declared_len),
            Self::Huge { .. } => SizeHint::default(),
        }
    }
}
