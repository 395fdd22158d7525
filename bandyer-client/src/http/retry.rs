//! Decides whether and when to retry. Pure: it uses no clock, no I/O and no random numbers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::error::{ErrorKind, StopReason};

/// How often a request is retried, and how long to wait between attempts.
///
/// A request is only retried if that is safe: if it did not reach the vendor, if the vendor rejected it before
/// processing it, or if the operation is idempotent. A room creation that the vendor may have executed is never sent
/// again.
///
/// ```
/// use std::time::Duration;
/// use bandyer_client::RetryPolicy;
///
/// const PATIENT: RetryPolicy = RetryPolicy::standard().max_attempts(5).total_timeout(Duration::from_secs(90));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    total_timeout: Duration,
    initial_backoff: Duration,
    max_backoff: Duration,
    rate_limit_wait: Option<Duration>,
}

impl RetryPolicy {
    /// Three attempts within 45 s. The backoff starts at 200 ms and doubles up to 5 s, with full jitter.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            max_attempts: 3,
            total_timeout: Duration::from_secs(45),
            initial_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(5),
            rate_limit_wait: None,
        }
    }

    /// One attempt, without retries.
    #[must_use]
    pub const fn none() -> Self {
        Self::standard().max_attempts(1)
    }

    /// Sets the maximum number of attempts. Zero counts as one.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets the timeout for all attempts and the waits between them together.
    #[must_use]
    pub const fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// Sets the maximum wait before the second attempt, and the limit up to which it doubles.
    #[must_use]
    pub const fn backoff(mut self, initial: Duration, max: Duration) -> Self {
        self.initial_backoff = initial;
        self.max_backoff = max;
        self
    }

    /// Waits this long after a 429 that does not say how long to wait. Without it such a response is an error at once, because
    /// attempts within seconds would only use up more of the quota.
    #[must_use]
    pub const fn rate_limit_wait(mut self, wait: Duration) -> Self {
        self.rate_limit_wait = Some(wait);
        self
    }

    pub(crate) const fn total(&self) -> Duration {
        self.total_timeout
    }

    /// Time below which another attempt is not started. An attempt cut short turns a clean refusal into an unknown
    /// outcome, so a tenth of the total must be left, or the time of a whole attempt where that is shorter.
    fn min_attempt_time(&self, attempt_timeout: Duration) -> Duration {
        attempt_timeout.min(self.total_timeout / 10)
    }

    pub(crate) const fn allows_another_after(&self, attempts: u32) -> bool {
        attempts < self.max_attempts
    }

    pub(crate) fn wait_after(&self, attempts: u32, jitter: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let ceiling = self.initial_backoff.saturating_mul(1 << doublings).min(self.max_backoff);
        ceiling.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// The result of an attempt, and what is left of the limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) kind: ErrorKind,
    pub(crate) status: Option<StatusCode>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) idempotent: bool,
    /// Number of attempts so far, at least one.
    pub(crate) attempts: u32,
    /// Time left of the total timeout.
    pub(crate) remaining: Duration,
    /// The longest that one attempt may take.
    pub(crate) attempt_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    RetryAfter(Duration),
    Stop(StopReason),
}

/// Decides what follows a failed attempt. `jitter` is a random number from 0 to 1.
pub(crate) fn decide(policy: &RetryPolicy, situation: &Situation, jitter: f64) -> Decision {
    let is_without_hint = situation.status == Some(StatusCode::TOO_MANY_REQUESTS) && situation.retry_after.is_none();
    let hint = if is_without_hint { policy.rate_limit_wait } else { situation.retry_after };
    let situation = &Situation { retry_after: hint, ..*situation };
    if let Err(reason) = is_retryable(situation) {
        return Decision::Stop(reason);
    }
    if situation.attempts >= policy.max_attempts {
        return Decision::Stop(StopReason::AttemptsUsedUp);
    }
    let backoff = policy.wait_after(situation.attempts, jitter);
    let wait = backoff.max(situation.retry_after.unwrap_or_default());
    let latest = situation.remaining.saturating_sub(policy.min_attempt_time(situation.attempt_timeout));
    if wait >= latest {
        let vendor_wait_too_long = situation.retry_after.is_some_and(|wait| wait >= latest);
        return Decision::Stop(if vendor_wait_too_long { StopReason::WaitTooLong } else { StopReason::TimeUsedUp });
    }
    Decision::RetryAfter(wait)
}

fn is_retryable(situation: &Situation) -> Result<(), StopReason> {
    let if_idempotent = || if situation.idempotent { Ok(()) } else { Err(StopReason::MayHaveHappened) };
    match (situation.kind, situation.status.map(|status| status.as_u16())) {
        (ErrorKind::Connect, _) => Ok(()),
        (ErrorKind::Timeout | ErrorKind::Interrupted, _) => if_idempotent(),
        // Rejected before processing, so even a room creation may be retried.
        (ErrorKind::Api, Some(429)) if situation.retry_after.is_some() => Ok(()),
        (ErrorKind::Api, Some(429)) => Err(StopReason::RateLimitedWithoutHint),
        (ErrorKind::Api, Some(408 | 500 | 502 | 503 | 504)) => if_idempotent(),
        _ => Err(StopReason::Final),
    }
}

/// Allows one retry per ten requests, so that an outage does not cause a retry storm.
///
/// All clones of a client share it. It counts in tenths of a retry.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl RetryBudget {
    const DEPOSIT: u32 = 1;
    const PRICE: u32 = 10;
    /// Ten retries, so that a client with few requests can retry during a short outage.
    const CAPACITY: u32 = 100;

    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(Self::CAPACITY))
    }

    /// Counts a request, whether it succeeds or not.
    pub(crate) fn deposit(&self) {
        let _full = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
            (tenths < Self::CAPACITY).then(|| tenths + Self::DEPOSIT)
        });
    }

    /// Takes one retry out of the budget, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| tenths.checked_sub(Self::PRICE)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::{Decision, RetryBudget, RetryPolicy, Situation, decide};
    use crate::error::{ErrorKind, StopReason};

    const SECOND: Duration = Duration::from_secs(1);

    fn api(status: u16, idempotent: bool, retry_after: Option<u64>) -> Situation {
        Situation {
            kind: ErrorKind::Api,
            status: Some(StatusCode::from_u16(status).unwrap()),
            retry_after: retry_after.map(Duration::from_secs),
            idempotent,
            attempts: 1,
            remaining: 30 * SECOND,
            attempt_timeout: 15 * SECOND,
        }
    }

    fn lost(kind: ErrorKind, idempotent: bool) -> Situation {
        Situation { kind, status: None, ..api(500, idempotent, None) }
    }

    #[test]
    fn only_safe_failures_are_retried() {
        use Decision::{RetryAfter, Stop};
        let wait = RetryAfter(Duration::from_millis(200));
        let table = [
            (lost(ErrorKind::Connect, false), wait),
            (lost(ErrorKind::Connect, true), wait),
            (lost(ErrorKind::Timeout, true), wait),
            (lost(ErrorKind::Timeout, false), Stop(StopReason::MayHaveHappened)),
            (lost(ErrorKind::Interrupted, true), wait),
            (lost(ErrorKind::Interrupted, false), Stop(StopReason::MayHaveHappened)),
            (lost(ErrorKind::Decode, true), Stop(StopReason::Final)),
            (lost(ErrorKind::InvalidRequest, true), Stop(StopReason::Final)),
            (api(400, true, None), Stop(StopReason::Final)),
            (api(401, true, None), Stop(StopReason::Final)),
            (api(404, true, None), Stop(StopReason::Final)),
            (api(302, true, None), Stop(StopReason::Final)),
            (api(408, true, None), wait),
            (api(408, false, None), Stop(StopReason::MayHaveHappened)),
            (api(429, true, None), Stop(StopReason::RateLimitedWithoutHint)),
            (api(429, true, Some(2)), RetryAfter(2 * SECOND)),
            (api(429, false, Some(2)), RetryAfter(2 * SECOND)),
            (api(429, false, Some(0)), wait),
            (api(429, false, Some(25)), RetryAfter(25 * SECOND)),
            (api(429, false, Some(29)), Stop(StopReason::WaitTooLong)),
            (api(429, false, Some(30)), Stop(StopReason::WaitTooLong)),
            (api(500, true, None), wait),
            (api(500, false, None), Stop(StopReason::MayHaveHappened)),
            (api(501, true, None), Stop(StopReason::Final)),
            (api(502, true, None), wait),
            (api(503, true, Some(3)), RetryAfter(3 * SECOND)),
            (api(503, false, Some(3)), Stop(StopReason::MayHaveHappened)),
            (api(504, true, None), wait),
        ];
        for (situation, expected) in table {
            assert_eq!(decide(&RetryPolicy::standard(), &situation, 1.0), expected, "{situation:?}");
        }
    }

    #[test]
    fn attempts_and_total_time_are_limited() {
        let policy = RetryPolicy::standard();
        let last = Situation { attempts: 3, ..api(500, true, None) };
        assert_eq!(decide(&policy, &last, 1.0), Decision::Stop(StopReason::AttemptsUsedUp));
        let late = Situation { remaining: Duration::from_millis(150), ..api(500, true, None) };
        assert_eq!(decide(&policy, &late, 1.0), Decision::Stop(StopReason::TimeUsedUp));
        assert_eq!(
            decide(&RetryPolicy::none(), &api(500, true, None), 1.0),
            Decision::Stop(StopReason::AttemptsUsedUp)
        );
    }

    #[test]
    fn a_429_without_a_hint_is_retried_only_if_the_policy_says_how_long_to_wait() {
        let policy = RetryPolicy::standard().rate_limit_wait(10 * SECOND);
        assert_eq!(decide(&policy, &api(429, false, None), 1.0), Decision::RetryAfter(10 * SECOND));
        assert_eq!(decide(&policy, &api(429, false, Some(2)), 1.0), Decision::RetryAfter(2 * SECOND));
        assert_eq!(decide(&policy, &api(503, false, None), 1.0), Decision::Stop(StopReason::MayHaveHappened));
    }

    #[test]
    fn backoff_doubles_up_to_its_limit_with_jitter() {
        let policy = RetryPolicy::standard().max_attempts(100);
        let wait = |attempts, jitter| policy.wait_after(attempts, jitter).as_millis();
        assert_eq!([1, 2, 3, 5, 6, 60].map(|n| wait(n, 1.0)), [200, 400, 800, 3200, 5000, 5000]);
        assert_eq!((wait(2, 0.0), wait(2, 0.5)), (0, 200));
    }

    #[test]
    fn budget_allows_one_retry_in_ten_requests() {
        let budget = RetryBudget::new();
        let retries = (0..1000)
            .filter(|_| {
                budget.deposit();
                budget.withdraw()
            })
            .count();
        assert!((100..=110).contains(&retries), "{retries}");
    }
}
