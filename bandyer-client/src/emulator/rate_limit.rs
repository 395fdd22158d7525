//! An optional quota. The vendor has a quota, but documents neither its size nor its headers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A number of requests per window; a window starts with its first request.
#[derive(Debug)]
pub(super) struct RateLimit {
    requests: u32,
    window: SignedDuration,
    current: Mutex<Option<(Timestamp, u32)>>,
}

impl RateLimit {
    pub(super) fn new(requests: u32, window: Duration) -> Self {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        Self { requests, window, current: Mutex::new(None) }
    }

    /// Counts a request. Beyond the quota, returns the seconds until the next window.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), i64> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = match *current {
            // A clock that was set back starts a new window.
            Some((began, count)) if now >= began && now.duration_since(began) < self.window => {
                (began, count.saturating_add(1))
            }
            _ => (now, 1),
        };
        *current = Some((began, count));
        if count <= self.requests {
            return Ok(());
        }
        let left = self.window.saturating_sub(now.duration_since(began));
        // Rounded up: a client that retries slightly too early would be rejected again.
        Err(left.as_secs().saturating_add(i64::from(left.subsec_nanos() > 0)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::RateLimit;

    #[test]
    fn each_window_admits_its_quota() {
        let limit = RateLimit::new(2, Duration::from_secs(60));
        let at = |second| Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_secs(second)).unwrap();
        let admitted = [0, 1, 2, 59, 60, 61, 62].map(|second| limit.admit(at(second)));
        assert_eq!(admitted, [Ok(()), Ok(()), Err(58), Err(1), Ok(()), Ok(()), Err(58)]);
        assert_eq!(limit.admit(at(0)), Ok(()));
        assert!(RateLimit::new(0, Duration::MAX).admit(at(0)).is_err());
    }
}
