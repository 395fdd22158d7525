//! Deletes old idempotency keys.

use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::base::steadiness::Steadiness;
use crate::store::Store;

/// How long a key is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Old keys do no harm, so this need not be often; it bounds how many are deleted in one statement.
const INTERVAL: Duration = Duration::from_secs(60);

/// For how long the clock must have gone on steadily before keys are deleted for their age.
const STEADY_FOR: Duration = Duration::from_secs(3600);

/// Deletes keys that are older than a day.
pub struct KeyExpiry {
    store: Store,
    clock: Steadiness,
}

impl KeyExpiry {
    /// For the keys in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, clock: Steadiness::default() }
    }
}

impl Job for KeyExpiry {
    const NAME: &'static str = "key_expiry";

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&self, _stop: &CancellationToken) -> Result<Next, JobError> {
        if self.clock.observe(self.store.read().now().await?).steady_for >= STEADY_FOR {
            self.store.write(|tx| Box::pin(tx.expire_keys(KEPT_FOR))).await?;
        }
        Ok(Next::AfterInterval)
    }
}
