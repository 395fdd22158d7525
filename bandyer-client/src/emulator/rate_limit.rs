//! An optional quota. The vendor has one and documents neither its size nor its headers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So many requests in a window that begins with the first of them.
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

    /// Counts a request, and tells whether it is within the quota.
    pub(super) fn admits(&self, now: Timestamp) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = match *current {
            Some((began, count)) if now.duration_since(began) < self.window => (began, count.saturating_add(1)),
            _ => (now, 1),
        };
        *current = Some((began, count));
        count <= self.requests
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::RateLimit;

    #[test]
    fn a_window_admits_its_quota_and_the_next_one_begins_anew() {
        let limit = RateLimit::new(2, Duration::from_secs(60));
        let at = |second| Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_secs(second)).unwrap();
        let admitted: Vec<bool> = [0, 1, 2, 59, 60, 61, 62].map(|second| limit.admits(at(second))).to_vec();
        assert_eq!(admitted, [true, true, false, false, true, true, false]);
    }
}
