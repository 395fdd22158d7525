//! Whether a clock goes on steadily.
//!
//! A clock that is set forward by a year makes everything old at once, and it may be set back a moment later. So nothing is
//! deleted for its age until the clock has agreed with the monotonic one for some time. How long ago an earlier process saw
//! the clock is not stored: it would be a time of the same clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// How far the two clocks may drift apart between two looks. Time synchronization corrects less, and less than every limit
/// that is compared with an age.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, Copy)]
struct Look {
    now: Timestamp,
    at: Instant,
    watched_since: Instant,
    steady_since: Instant,
}

/// What is known of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steady {
    /// How long the clock has been watched. Zero at the first look.
    pub watched_for: Duration,
    /// How long it has been going on steadily. Zero at the first look and right after a step.
    pub steady_for: Duration,
}

impl Steady {
    /// Whether the clock was set since the look before.
    #[must_use]
    pub const fn has_stepped(self) -> bool {
        self.steady_for.is_zero() && !self.watched_for.is_zero()
    }
}

/// Watches a clock.
#[derive(Debug, Default)]
pub struct Steadiness(Mutex<Option<Look>>);

impl Steadiness {
    /// Looks at the clock, which shows `now`.
    pub fn observe(&self, now: Timestamp) -> Steady {
        self.observe_at(now, Instant::now())
    }

    fn observe_at(&self, now: Timestamp, at: Instant) -> Steady {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_steady = |last: &Look| {
            let expected = SignedDuration::try_from(at - last.at).unwrap_or(SignedDuration::MAX);
            now.duration_since(last.now).saturating_sub(expected).abs() <= TOLERANCE
        };
        let steady_since = last.filter(is_steady).map_or(at, |last| last.steady_since);
        let watched_since = last.map_or(at, |last| last.watched_since);
        *last = Some(Look { now, at, watched_since, steady_since });
        Steady { watched_for: at - watched_since, steady_for: at - steady_since }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use jiff::{SignedDuration, Timestamp};

    use super::{Steadiness, Steady};

    #[test]
    fn a_step_in_either_direction_begins_the_time_again() {
        let (watched, start) = (Steadiness::default(), Instant::now());
        let year = 31_536_000;
        for (elapsed, shown, steady) in [
            (0, 0, 0),
            (100, 100, 100),
            (200, 260, 200),
            (300, 300 + year, 0),
            (400, 400 + year, 100),
            (500, 500, 0),
            (600, 600, 100),
            (700, 700 - 3600, 0),
        ] {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(shown);
            let observed = watched.observe_at(now, start + Duration::from_secs(elapsed));
            let [watched_for, steady_for] = [elapsed, steady].map(Duration::from_secs);
            assert_eq!(observed, Steady { watched_for, steady_for }, "{elapsed}");
            assert_eq!(observed.has_stepped(), elapsed > 0 && steady == 0, "{elapsed}");
        }
    }
}
