//! Removes teleconsultations that have been over for a long time.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use metrics::Counter;
use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::base::steadiness::Steadiness;
use crate::rooms::Rooms;
use crate::store::Store;

/// The limit is a number of days, so an hour more or less does not matter.
const INTERVAL: Duration = Duration::from_secs(3600);
/// How many teleconsultations one transaction changes. It locks them, so it must be short.
const BATCH: u32 = 100;

/// Removes what ended, or was moved to the trash, longer ago than this.
pub struct Retention {
    kept_for: SignedDuration,
    store: Store,
    rooms: Arc<Rooms>,
    clock: Steadiness,
    removed: Counter,
}

impl Retention {
    /// For the records in this store. `removed` counts them.
    #[must_use]
    pub fn new(kept_for: SignedDuration, store: Store, rooms: Arc<Rooms>, removed: Counter) -> Self {
        Self { kept_for, store, rooms, clock: Steadiness::default(), removed }
    }
}

impl Job for Retention {
    const NAME: &'static str = "retention";
    const SHARED: bool = true;

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&self, stop: &CancellationToken) -> Result<Next, JobError> {
        if self.clock.observe(self.store.read().now().await?).has_stepped() {
            tracing::warn!(
                "the clock was set; not looking for old teleconsultations before it has been right for an hour"
            );
            return Ok(Next::AfterInterval);
        }
        while !stop.is_cancelled() {
            let kept_for = self.kept_for;
            let trashed =
                self.store.write(move |tx| Box::pin(async move { tx.trash_ended(kept_for, BATCH).await })).await?;
            if trashed > 0 {
                self.rooms.wake_retirement();
            }
            let removed =
                self.store.write(move |tx| Box::pin(async move { tx.remove_trashed(kept_for, BATCH).await })).await?;
            self.removed.increment(u64::from(removed));
            if trashed > 0 || removed > 0 {
                tracing::info!(trashed, removed, "removing teleconsultations that have been over for a long time");
            }
            if trashed < BATCH && removed < BATCH {
                break;
            }
        }
        Ok(Next::AfterInterval)
    }
}
