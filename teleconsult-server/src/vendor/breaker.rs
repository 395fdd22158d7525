//! Leaves the vendor alone while it keeps failing, so that an outage is answered neither with a storm of calls nor with
//! callers that wait for nothing.
//!
//! Closed, everything passes. After [`FAILURES`] failures in a row it opens, and calls are refused at once. When the rest
//! is over, one call is let through as a probe: its success closes the breaker, its failure makes the rest longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge};

use crate::telemetry::registry::Registry;

/// Failures in a row after which the vendor is left alone. A dozen callers who meet a short disturbance must not shut
/// out the next one, and a quiet clinic rarely gets there.
const FAILURES: u32 = 20;
/// The first rest.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest rest: also the longest time until an end of the outage is noticed.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// What is measured about the breaker.
#[derive(Clone)]
pub struct BreakerMetrics {
    /// 1 while it is not closed.
    open: Gauge,
    /// How often it opened.
    openings: Counter,
}

impl BreakerMetrics {
    /// Registers both metrics.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        Self {
            open: registry.gauge(
                "teleconsult_vendor_breaker_open",
                "1 while calls to the vendor are suspended because it kept failing.",
            ),
            openings: registry.counter(
                "teleconsult_vendor_breaker_openings_total",
                "Times that calls to the vendor were suspended because it kept failing.",
            ),
        }
    }
}

/// Measures nothing.
impl Default for BreakerMetrics {
    fn default() -> Self {
        Self { open: Gauge::noop(), openings: Counter::noop() }
    }
}

/// The breaker. Clones are the same one.
#[derive(Clone)]
pub(super) struct Breaker {
    state: Arc<Mutex<State>>,
    metrics: BreakerMetrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { rest: Duration, until: Instant },
    Probing { rest: Duration },
}

impl State {
    /// Whether a call may be made; if not, after what time it may be asked again.
    fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match *self {
            Self::Closed { .. } => Ok(()),
            Self::Open { rest, until } if now >= until => {
                *self = Self::Probing { rest };
                Ok(())
            }
            Self::Open { until, .. } => Err(until.duration_since(now)),
            Self::Probing { .. } => Err(FIRST_REST),
        }
    }

    /// What follows from the end of a call. Those that began before the breaker opened count too: they are news.
    fn note(&mut self, end: End, now: Instant) {
        *self = match (*self, end) {
            (_, End::Answered) => Self::Closed { failures: 0 },
            (Self::Closed { failures }, End::Failed) if failures + 1 < FAILURES => {
                Self::Closed { failures: failures + 1 }
            }
            (Self::Closed { .. }, End::Failed) => Self::Open { rest: FIRST_REST, until: now + FIRST_REST },
            (Self::Probing { rest }, End::Failed) => {
                let rest = (rest * 2).min(LONGEST_REST);
                Self::Open { rest, until: now + rest }
            }
            // Nobody waited for the probe's end; the next one may try at once.
            (Self::Probing { rest }, End::Abandoned) => Self::Open { rest, until: now },
            (state, _) => state,
        };
    }

    const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer, be it a refusal: the vendor works.
    Answered,
    /// Without one, or with one that no working vendor gives.
    Failed,
    /// Nobody waited for it.
    Abandoned,
}

/// A call that was let through. Dropped without a word, it was abandoned.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    end: End,
}

impl Permit<'_> {
    pub(super) fn ended(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.breaker.note(self.end);
    }
}

impl Breaker {
    pub(super) fn new(metrics: BreakerMetrics) -> Self {
        metrics.open.set(0.0);
        Self { state: Arc::new(Mutex::new(State::Closed { failures: 0 })), metrics }
    }

    /// Lets a call through, or tells after what time to ask again.
    pub(super) fn admit(&self) -> Result<Permit<'_>, Duration> {
        self.state().admit(Instant::now())?;
        Ok(Permit { breaker: self, end: End::Abandoned })
    }

    fn note(&self, end: End) {
        let mut state = self.state();
        let before = *state;
        state.note(end, Instant::now());
        match (before.is_closed(), state.is_closed()) {
            (true, false) => {
                self.metrics.open.set(1.0);
                self.metrics.openings.increment(1);
                tracing::error!(failures = FAILURES, "the video provider keeps failing; it is left alone for a moment");
            }
            (false, true) => {
                self.metrics.open.set(0.0);
                tracing::info!("the video provider answers again");
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Breaker").field(&*self.state()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{End, FAILURES, FIRST_REST, LONGEST_REST, State};

    const CLOSED: State = State::Closed { failures: 0 };

    fn failing(times: u32, now: Instant) -> State {
        let mut state = CLOSED;
        for _ in 0..times {
            state.note(End::Failed, now);
        }
        state
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let now = Instant::now();
        assert_eq!(failing(FAILURES - 1, now), State::Closed { failures: FAILURES - 1 });
        assert_eq!(failing(FAILURES, now), State::Open { rest: FIRST_REST, until: now + FIRST_REST });
        let mut state = failing(FAILURES - 1, now);
        state.note(End::Answered, now);
        assert_eq!(state, CLOSED);
    }

    #[test]
    fn open_it_refuses_until_the_rest_is_over_and_then_lets_one_probe_through() {
        let now = Instant::now();
        let mut state = failing(FAILURES, now);
        assert_eq!(state.admit(now + FIRST_REST / 4), Err(FIRST_REST * 3 / 4));
        assert_eq!(state.admit(now + FIRST_REST), Ok(()));
        assert_eq!(state.admit(now + FIRST_REST), Err(FIRST_REST), "one probe at a time");
        state.note(End::Answered, now);
        assert_eq!((state, state.admit(now)), (CLOSED, Ok(())));
    }

    #[test]
    fn each_failed_probe_doubles_the_rest_up_to_its_limit() {
        let mut now = Instant::now();
        let mut state = failing(FAILURES, now);
        let mut rests = Vec::new();
        for _ in 0..6 {
            now += LONGEST_REST;
            state.admit(now).unwrap();
            state.note(End::Failed, now);
            let State::Open { rest, .. } = state else { panic!("{state:?}") };
            rests.push(rest.as_secs());
        }
        assert_eq!(rests, [2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_room_for_the_next() {
        let now = Instant::now();
        let mut state = failing(FAILURES, now);
        state.admit(now + FIRST_REST).unwrap();
        state.note(End::Abandoned, now + FIRST_REST);
        assert_eq!(state.admit(now + FIRST_REST), Ok(()));
    }

    #[test]
    fn late_failures_of_earlier_calls_change_nothing_while_it_is_open() {
        let now = Instant::now();
        let mut state = failing(FAILURES, now);
        let open = state;
        state.note(End::Failed, now + Duration::from_millis(1));
        state.note(End::Abandoned, now + Duration::from_millis(1));
        assert_eq!(state, open);
    }
}
