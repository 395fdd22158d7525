//! How long to wait before the next attempt of something that keeps failing.

use std::time::Duration;

/// Exponential backoff without randomness. Callers that may collide with others add jitter themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
}

impl Backoff {
    /// Waits between `first` and `max`.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// The wait after this many consecutive failures, not counting the first: `first`, then doubled each time up to
    /// `max`.
    #[must_use]
    pub fn after(self, earlier_failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(earlier_failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn the_wait_doubles_up_to_its_maximum() {
        let backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(600));
        let seconds = [0, 1, 2, 6, 7, 31, 32, u32::MAX].map(|failures| backoff.after(failures).as_secs());
        assert_eq!(seconds, [5, 10, 20, 320, 600, 600, 600, 600]);
    }
}
