//! Deletes the rooms that wait for deletion, until each is gone.

use std::time::Duration;

use bandyer_client::RoomId;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{Rooms, RunError};
use crate::base::backoff::Backoff;
use crate::store::{Retirement, StoreError, crash_point};
use crate::vendor::VendorError;

/// Wait between two attempts to delete a room.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), MAX_BACKOFF);
/// Longest wait: the vendor's outages last minutes rather than hours.
const MAX_BACKOFF: Duration = Duration::from_secs(600);
/// After how many failures the log level rises to error: about half an hour.
const ERROR_AFTER: u32 = 8;
/// After how many failures a room is parked until the next start: about four hours.
const PARK_AFTER: u32 = 30;
/// Wait after a refusal that names no time: what the vendor's own samples wait when the quota is used up. A key that is not
/// accepted is corrected by people, so there is no hurry either.
const REFUSED_WAIT: Duration = Duration::from_secs(60);
/// Longest wait that a refusal may ask for: the longest wait after a failure, because a date far away may be a mistake.
const MAX_REFUSED_WAIT: Duration = Duration::from_secs(600);
/// How many rooms are claimed at a time. If they take longer than a lease, another instance claims them too, which is
/// harmless: deleting a room twice succeeds.
const BATCH: u32 = 16;
/// How many of them are deleted concurrently.
const CONCURRENT_DELETIONS: usize = 4;
/// Minimum pause between two looks at the queue.
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// Maximum pause between two looks at the queue, without a wake-up.
const MAX_PAUSE: Duration = Duration::from_secs(60);

impl Rooms {
    /// Deletes the rooms that are due, and returns when to look again.
    ///
    /// # Errors
    ///
    /// [`RunError`], if the journal or the records cannot be read.
    pub async fn retire_due(&self, stop: &CancellationToken) -> Result<Duration, RunError> {
        // Rooms of a change that was interrupted are deleted only if no record has them, and these records may be the wrong
        // ones.
        if self.are_records_moved().await? {
            return Ok(MAX_PAUSE);
        }
        while !stop.is_cancelled() {
            let lease = self.settings.lease;
            let max_wait = SignedDuration::try_from(MAX_BACKOFF).unwrap_or(SignedDuration::MAX);
            let claimed = self
                .store
                .write(move |tx| Box::pin(async move { tx.claim_retirements(lease, max_wait, BATCH).await }))
                .await?;
            if claimed.is_empty() {
                break;
            }
            let due = self.without_rooms_in_use(claimed).await?;
            let results: Vec<_> =
                stream::iter(due).map(|one| self.retire(one)).buffer_unordered(CONCURRENT_DELETIONS).collect().await;
            results.into_iter().collect::<Result<(), _>>()?;
        }
        let next = self.store.read().next_retirement().await?;
        Ok(next.map_or(MAX_PAUSE, pause))
    }

    /// Removes rooms from the queue that are the room of a record: the change that would have left them behind was
    /// interrupted.
    async fn without_rooms_in_use(&self, claimed: Vec<Retirement>) -> Result<Vec<Retirement>, StoreError> {
        let rooms: Vec<RoomId> = claimed.iter().map(|one| one.room.clone()).collect();
        let used = self.store.records().rooms_in_use(&rooms).await?;
        for room in &used {
            let room = room.clone();
            self.store.write(move |tx| Box::pin(async move { tx.dequeue_room(&room).await })).await?;
        }
        Ok(claimed.into_iter().filter(|one| !used.contains(&one.room)).collect())
    }

    async fn retire(&self, one: Retirement) -> Result<(), StoreError> {
        let room = one.room.clone();
        let teleconsultation = one.teleconsultation.as_ref().map(|id| id.as_str());
        crash_point!("C7");
        let deleted = self.vendor.delete_room(&room).await;
        crash_point!("C8");
        let error = match deleted {
            Ok(()) => {
                self.counters.retirements.increment(1);
                tracing::info!(%room, teleconsultation, "deleted a room that was no longer needed");
                return self.store.write(move |tx| Box::pin(async move { tx.end_retirement(&room).await })).await;
            }
            Err(error) => error,
        };
        if let Some(wait) = wait_without_failure(&error) {
            if error.refuses_service() {
                let wait_seconds = wait.as_secs();
                tracing::warn!(%room, teleconsultation, wait_seconds, error = %error, "the video provider refuses this service; the deletion of a room is postponed and does not count as failed");
            }
            return self.postpone(room, wait, false).await;
        }
        let failures = one.failures + 1;
        if failures >= PARK_AFTER {
            tracing::error!(%room, teleconsultation, failures, error = %error, "cannot delete a room; parked until the next start");
            return self.store.write(move |tx| Box::pin(async move { tx.park_retirement(&room).await })).await;
        }
        let wait = BACKOFF.after(one.failures);
        let wait_seconds = wait.as_secs();
        if failures >= ERROR_AFTER {
            tracing::error!(%room, teleconsultation, failures, wait_seconds, error = %error, "deleting a room keeps failing, will retry");
        } else {
            tracing::warn!(%room, teleconsultation, failures, wait_seconds, error = %error, "deleting a room failed, will retry");
        }
        self.postpone(room, wait, true).await
    }

    async fn postpone(&self, room: RoomId, wait: Duration, failed: bool) -> Result<(), StoreError> {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        self.store.write(move |tx| Box::pin(async move { tx.postpone_retirement(&room, wait, failed).await })).await
    }
}

/// The wait until the next attempt, if this one says nothing about the room: the vendor was not called, or it refuses all
/// calls of this service. Such attempts do not count as failures, so they never park the room.
fn wait_without_failure(error: &VendorError) -> Option<Duration> {
    if error.call().is_some() && !error.refuses_service() {
        return None;
    }
    Some(error.retry_after().unwrap_or(REFUSED_WAIT).clamp(MIN_PAUSE, MAX_REFUSED_WAIT))
}

/// What fell due since the queue was read is due immediately. A wait of zero would spin while the clock stands between two
/// milliseconds.
fn pause(until_next: SignedDuration) -> Duration {
    Duration::try_from(until_next).unwrap_or_default().clamp(MIN_PAUSE, MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::{MAX_PAUSE, MIN_PAUSE, pause};

    #[test]
    fn the_pause_ends_when_the_next_deletion_is_due() {
        let pause = |millis| pause(SignedDuration::from_millis(millis));
        assert_eq!([-5000, -1, 0, 3].map(pause), [MIN_PAUSE; 4]);
        assert_eq!((pause(700), pause(3_600_000)), (Duration::from_millis(700), MAX_PAUSE));
    }
}
