//! Deletes the rooms that are queued, until each is gone.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::Rooms;
use crate::base::backoff::Backoff;
use crate::base::crash_points::crash_point;
use crate::store::{Retirement, StoreError};
use crate::vendor::VendorError;

/// Wait between two attempts to delete a room.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(600));
/// After how many failures an operator should know: about half an hour.
const WORRYING_TRIES: u32 = 8;
/// After how many failures a room is given up until the next start: about four hours.
const MOST_TRIES: u32 = 30;
/// How many rooms are taken on at a time, and how many of them are deleted at once. Whoever takes longer than a lease
/// finds others at it, which does no harm: a room that is gone is gone.
const BATCH: u32 = 16;
const CONCURRENT_DELETIONS: usize = 4;
/// Shortest pause between two looks at the queue.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// How often the queue is looked at though nobody called.
const IDLE_LOOK: Duration = Duration::from_secs(60);
/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

impl Rooms {
    /// Deletes queued rooms as they fall due, until it is told to end.
    pub async fn keep_retiring(&self, end: &CancellationToken) {
        while !end.is_cancelled() {
            let pause = match self.retire_due(end).await {
                Ok(pause) => pause,
                Err(error) => {
                    self.counters.store_errors.increment(1);
                    tracing::warn!(error = %error, "the queue of rooms to delete could not be read");
                    STORE_PAUSE
                }
            };
            tokio::select! {
                () = end.cancelled() => {}
                () = self.retirement_due.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Deletes what is due and tells how long to wait for more.
    async fn retire_due(&self, end: &CancellationToken) -> Result<Duration, StoreError> {
        while !end.is_cancelled() {
            let now = Timestamp::now();
            let due = self.store.claim_retirements(now, self.lease_from(now), BATCH).await?;
            if due.is_empty() {
                break;
            }
            let results: Vec<_> =
                stream::iter(due).map(|one| self.retire(one)).buffer_unordered(CONCURRENT_DELETIONS).collect().await;
            results.into_iter().collect::<Result<(), _>>()?;
        }
        let next = self.store.journal().next_retirement().await?;
        Ok(next.map_or(IDLE_LOOK, |next| pause_until(next, Timestamp::now())))
    }

    async fn retire(&self, one: Retirement) -> Result<(), StoreError> {
        let room = &one.room;
        let teleconsultation = one.teleconsultation.as_ref().map(|id| id.as_str());
        crash_point!("C7");
        let deleted = self.calls.delete_room(room).await;
        crash_point!("C8");
        let journal = self.store.journal();
        let error = match deleted {
            Ok(()) => {
                journal.retired(room).await?;
                self.counters.retirements.increment(1);
                tracing::info!(%room, teleconsultation, "a room that was no longer wanted is gone");
                return Ok(());
            }
            // It was not even tried, so it does not count.
            Err(VendorError::CircuitOpen { retry_after }) => {
                return journal.postpone(room, after(retry_after), false).await;
            }
            Err(error) => error,
        };
        let tries = one.tries + 1;
        if tries >= MOST_TRIES {
            journal.park(room).await?;
            tracing::error!(%room, teleconsultation, tries, error = %error, "a room cannot be deleted; it is left until the next start");
            return Ok(());
        }
        let wait = BACKOFF.after(one.tries);
        journal.postpone(room, after(wait), true).await?;
        let wait_seconds = wait.as_secs();
        if tries >= WORRYING_TRIES {
            tracing::error!(%room, teleconsultation, tries, wait_seconds, error = %error, "a room resists deletion");
        } else {
            tracing::warn!(%room, teleconsultation, tries, wait_seconds, error = %error, "a room could not be deleted yet");
        }
        Ok(())
    }
}

/// What fell due since the queue was looked at is due at once. A wait of nothing would spin when the clock stands between
/// two milliseconds.
fn pause_until(next: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    wait.clamp(SHORTEST_PAUSE, IDLE_LOOK)
}

fn after(wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{IDLE_LOOK, SHORTEST_PAUSE, pause_until};

    #[test]
    fn what_fell_due_while_nobody_looked_is_looked_at_at_once() {
        let now = Timestamp::UNIX_EPOCH;
        let pause = |millis| pause_until(now + SignedDuration::from_millis(millis), now);
        assert_eq!([-5000, -1, 0, 3].map(pause), [SHORTEST_PAUSE; 4]);
        assert_eq!((pause(700), pause(3_600_000)), (Duration::from_millis(700), IDLE_LOOK));
    }
}
