//! A circuit breaker: suspends calls to the vendor while it keeps failing, so that an outage causes neither a storm of
//! calls nor callers who wait in vain.
//!
//! While it is closed, every call passes. After [`FAILURE_THRESHOLD`] consecutive failures it opens and rejects calls
//! immediately. When the cool-down has passed it is half-open and lets one call through as a probe: a success closes it,
//! a failure opens it again for a longer cool-down.
//!
//! There is one breaker for each kind of call, so that slow reads for viewers neither suspend the creation of rooms nor use
//! up its probe. A single breaker that ignores such reads was rejected: during an outage they would all be made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge};

use crate::base::backoff::Backoff;
use crate::telemetry::registry::Registry;

/// Consecutive failures after which the breaker opens. A short disturbance that a dozen callers run into must not shut
/// out the next one, and a quiet clinic rarely has that many calls in flight.
const FAILURE_THRESHOLD: u32 = 20;
/// The first cool-down, which is also when a caller who meets a running probe may call again.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(1);
/// The longest cool-down, and so the longest time until the end of an outage is noticed.
const MAX_COOL_DOWN: Duration = Duration::from_secs(10);
const COOL_DOWN: Backoff = Backoff::new(FIRST_COOL_DOWN, MAX_COOL_DOWN);

/// What is measured about the breakers.
#[derive(Clone)]
pub struct BreakerMetrics {
    essential: Measures,
    reads: Measures,
}

/// What is measured about one breaker.
#[derive(Clone)]
struct Measures {
    /// 1 while it is not closed.
    open: Gauge,
    /// How often it opened.
    openings: Counter,
}

impl BreakerMetrics {
    /// Registers all metrics. Those of reads have names of their own instead of a label, so that alerts on the others keep
    /// their meaning.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        let essential = Measures {
            open: registry.gauge(
                "teleconsult_vendor_breaker_open",
                "1 while calls to the vendor are suspended because it kept failing.",
            ),
            openings: registry.counter(
                "teleconsult_vendor_breaker_openings_total",
                "Times that calls to the vendor were suspended because it kept failing.",
            ),
        };
        let reads = Measures {
            open: registry.gauge(
                "teleconsult_vendor_reads_breaker_open",
                "1 while reads of room details and transcriptions are suspended because they kept failing.",
            ),
            openings: registry.counter(
                "teleconsult_vendor_reads_breaker_openings_total",
                "Times that reads of room details and transcriptions were suspended because they kept failing.",
            ),
        };
        Self { essential, reads }
    }
}

/// Measures nothing.
impl Default for BreakerMetrics {
    fn default() -> Self {
        let [essential, reads] = std::array::from_fn(|_| Measures { open: Gauge::noop(), openings: Counter::noop() });
        Self { essential, reads }
    }
}

/// The breakers of all kinds of calls. Clones share their state.
#[derive(Debug, Clone)]
pub(super) struct Breakers {
    /// Calls that teleconsultations depend on.
    pub(super) essential: Breaker,
    /// Reads for viewers, whose failure changes nothing.
    pub(super) reads: Breaker,
}

impl Breakers {
    pub(super) fn new(metrics: BreakerMetrics) -> Self {
        Self { essential: Breaker::new("calls", metrics.essential), reads: Breaker::new("reads", metrics.reads) }
    }
}

/// The breaker. Clones share their state.
#[derive(Clone)]
pub(super) struct Breaker {
    state: Arc<Mutex<State>>,
    /// What is suspended while it is open, for the log.
    suspends: &'static str,
    metrics: Measures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { failed_probes: u32, until: Instant },
    HalfOpen { failed_probes: u32 },
}

impl State {
    const CLOSED: Self = Self::Closed { failures: 0 };

    /// Admits a call, or returns the time after which to ask again.
    fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match *self {
            Self::Closed { .. } => Ok(()),
            Self::Open { failed_probes, until } if now >= until => {
                *self = Self::HalfOpen { failed_probes };
                Ok(())
            }
            Self::Open { until, .. } => Err(until.duration_since(now)),
            Self::HalfOpen { .. } => Err(FIRST_COOL_DOWN),
        }
    }

    /// Takes the outcome of a call into account. A success closes the breaker even if the call began before it opened:
    /// it is the most recent sign of the vendor's health.
    fn record(&mut self, outcome: CallOutcome, now: Instant) {
        let open = |failed_probes| Self::Open { failed_probes, until: now + COOL_DOWN.after(failed_probes) };
        *self = match (*self, outcome) {
            (_, CallOutcome::Success) => Self::CLOSED,
            (Self::Closed { failures }, CallOutcome::Failure) if failures + 1 < FAILURE_THRESHOLD => {
                Self::Closed { failures: failures + 1 }
            }
            (Self::Closed { .. }, CallOutcome::Failure) => open(0),
            (Self::HalfOpen { failed_probes }, CallOutcome::Failure) => open(failed_probes.saturating_add(1)),
            // The next call may probe immediately.
            (Self::HalfOpen { failed_probes }, CallOutcome::Inconclusive) => Self::Open { failed_probes, until: now },
            (state, _) => state,
        };
    }

    const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

/// What a call says about the vendor's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallOutcome {
    /// There was a response, possibly a refusal: the vendor works.
    Success,
    /// There was no response, or one that no working vendor sends.
    Failure,
    /// The call was not made, or its caller left before the end.
    Inconclusive,
}

/// An admitted call. Dropped without an outcome, it is inconclusive.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    outcome: CallOutcome,
}

impl Permit<'_> {
    pub(super) fn complete(mut self, outcome: CallOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.breaker.record(self.outcome);
    }
}

impl Breaker {
    fn new(suspends: &'static str, metrics: Measures) -> Self {
        metrics.open.set(0.0);
        Self { state: Arc::new(Mutex::new(State::CLOSED)), suspends, metrics }
    }

    /// Admits a call, or returns the time after which to ask again.
    pub(super) fn admit(&self) -> Result<Permit<'_>, Duration> {
        self.state().admit(Instant::now())?;
        Ok(Permit { breaker: self, outcome: CallOutcome::Inconclusive })
    }

    fn record(&self, outcome: CallOutcome) {
        let mut state = self.state();
        let was_closed = state.is_closed();
        state.record(outcome, Instant::now());
        let what = self.suspends;
        match (was_closed, state.is_closed()) {
            (true, false) => {
                self.metrics.open.set(1.0);
                self.metrics.openings.increment(1);
                tracing::error!(failures = FAILURE_THRESHOLD, "the video provider keeps failing; {what} are suspended");
            }
            (false, true) => {
                self.metrics.open.set(0.0);
                tracing::info!("the video provider works again; {what} are resumed");
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

    use super::{CallOutcome, FAILURE_THRESHOLD, FIRST_COOL_DOWN, MAX_COOL_DOWN, State};

    fn after_failures(count: u32, now: Instant) -> State {
        let mut state = State::CLOSED;
        for _ in 0..count {
            state.record(CallOutcome::Failure, now);
        }
        state
    }

    #[test]
    fn consecutive_failures_open_it_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let closed = State::Closed { failures: FAILURE_THRESHOLD - 1 };
        assert_eq!(after_failures(FAILURE_THRESHOLD - 1, now), closed);
        let open = State::Open { failed_probes: 0, until: now + FIRST_COOL_DOWN };
        assert_eq!(after_failures(FAILURE_THRESHOLD, now), open);
        let mut state = closed;
        state.record(CallOutcome::Success, now);
        assert_eq!(state, State::CLOSED);
    }

    #[test]
    fn an_open_breaker_admits_one_probe_after_its_cool_down() {
        let now = Instant::now();
        let mut state = after_failures(FAILURE_THRESHOLD, now);
        assert_eq!(state.admit(now + FIRST_COOL_DOWN / 4), Err(FIRST_COOL_DOWN * 3 / 4));
        assert_eq!(state.admit(now + FIRST_COOL_DOWN), Ok(()));
        assert_eq!(state.admit(now + FIRST_COOL_DOWN), Err(FIRST_COOL_DOWN), "one probe at a time");
        state.record(CallOutcome::Success, now);
        assert_eq!((state, state.admit(now)), (State::CLOSED, Ok(())));
    }

    #[test]
    fn each_failed_probe_doubles_the_cool_down_up_to_its_maximum() {
        let mut now = Instant::now();
        let mut state = after_failures(FAILURE_THRESHOLD, now);
        let mut cool_downs = Vec::new();
        for _ in 0..6 {
            now += MAX_COOL_DOWN;
            state.admit(now).unwrap();
            state.record(CallOutcome::Failure, now);
            let State::Open { until, .. } = state else { panic!("{state:?}") };
            cool_downs.push(until.duration_since(now).as_secs());
        }
        assert_eq!(cool_downs, [2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn an_inconclusive_probe_makes_room_for_the_next() {
        let now = Instant::now();
        let mut state = after_failures(FAILURE_THRESHOLD, now);
        state.admit(now + FIRST_COOL_DOWN).unwrap();
        state.record(CallOutcome::Inconclusive, now + FIRST_COOL_DOWN);
        assert_eq!(state.admit(now + FIRST_COOL_DOWN), Ok(()));
    }

    #[test]
    fn late_failures_of_earlier_calls_change_nothing_while_it_is_open() {
        let now = Instant::now();
        let mut state = after_failures(FAILURE_THRESHOLD, now);
        let open = state;
        state.record(CallOutcome::Failure, now + Duration::from_millis(1));
        state.record(CallOutcome::Inconclusive, now + Duration::from_millis(1));
        assert_eq!(state, open);
    }
}
