//! Deletes old idempotency keys.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::base::steadiness::{Steadiness, Steady};
use crate::store::Store;

/// How long a key is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Old keys do no harm, so this need not be often; it bounds how many are deleted in one statement.
const INTERVAL: Duration = Duration::from_secs(60);

/// For how long the clock must have gone on steadily before keys are deleted for their age: after it was set, and at a start
/// at which it is not known whether it was set.
const STEADY_FOR: Duration = Duration::from_secs(3600);
/// A start so soon after the last run needs no such time. If the clock was set in between, it was by less than this.
const RESTART: SignedDuration = SignedDuration::from_hours(1);

/// Deletes keys that are older than a day.
pub struct KeyExpiry {
    store: Store,
    clock: Steadiness,
    /// Whether the clock was right at the start, as far as can be known.
    started_right: OnceLock<bool>,
}

impl KeyExpiry {
    /// For the keys in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, clock: Steadiness::default(), started_right: OnceLock::new() }
    }
}

const fn is_age_certain(clock: Steady, started_right: bool) -> bool {
    let was_set = clock.steady_for.as_nanos() != clock.watched_for.as_nanos();
    (started_right && !was_set) || clock.steady_for.as_secs() >= STEADY_FOR.as_secs()
}

impl Job for KeyExpiry {
    const NAME: &'static str = "key_expiry";

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&self, _stop: &CancellationToken) -> Result<Next, JobError> {
        let (last_run, now) = self
            .store
            .write(|tx| Box::pin(async move { Ok((tx.note_run(Self::NAME).await?, tx.now().await?)) }))
            .await?;
        let started_right = *self.started_right.get_or_init(|| last_run.is_none_or(|ago| ago.abs() <= RESTART));
        if is_age_certain(self.clock.observe(now), started_right) {
            self.store.write(|tx| Box::pin(tx.expire_keys(KEPT_FOR))).await?;
        }
        Ok(Next::AfterInterval)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::is_age_certain;
    use crate::base::steadiness::Steady;

    #[test]
    fn keys_are_old_by_a_clock_that_was_not_set_lately() {
        for (watched, steady, started_right, expected) in [
            (0, 0, true, true),
            (0, 0, false, false),
            (3599, 3599, false, false),
            (3600, 3600, false, true),
            (60, 0, true, false),
            (4000, 3599, true, false),
            (4000, 3600, true, true),
        ] {
            let [watched_for, steady_for] = [watched, steady].map(Duration::from_secs);
            let clock = Steady { watched_for, steady_for };
            assert_eq!(is_age_certain(clock, started_right), expected, "{watched} {steady} {started_right}");
        }
    }
}
