//! Settles attempts that nobody is working on: after a crash, or when the vendor's answer was lost.

use std::collections::HashMap;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Rooms, RoundError, marker};
use crate::base::crash_points::crash_point;
use crate::store::{Attempt, Ending};
use crate::vendor::MarkedRooms;

/// How far the vendor's clock may be behind ours. Rooms are looked for from this long before the attempt began.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);
/// How many attempts one round settles at most. They share one walk through the vendor's list.
const BATCH: u32 = 500;
/// How long what was asked under an `Idempotency-Key` is remembered.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// From when on a room of an attempt may exist, by the vendor's clock.
pub(super) fn search_start(started_at: Timestamp) -> Timestamp {
    started_at.saturating_sub(CLOCK_TOLERANCE).unwrap_or(Timestamp::MIN)
}

/// What becomes of an attempt, given the room that was found for it, or none.
fn ending(attempt: &Attempt, room: Option<RoomId>, grace: SignedDuration, now: Timestamp) -> Option<Ending> {
    match room {
        Some(room) => Some(Ending::Discard(room)),
        None if now.duration_since(attempt.started_at) > grace => Some(Ending::Lost),
        None => None,
    }
}

impl Rooms {
    /// Looks at every attempt that nobody is working on, once.
    ///
    /// # Errors
    ///
    /// [`RoundError`], when the journal or the vendor's list cannot be read.
    pub async fn recover(&self) -> Result<(), RoundError> {
        let now = Timestamp::now();
        let journal = self.store.journal();
        let claimed = journal.claim_attempts(now, self.lease_from(now), BATCH).await?;
        let Some(oldest) = claimed.iter().map(|attempt| attempt.started_at).min() else { return Ok(()) };
        let prefix = marker::prefix(&journal.deployment().id);
        match self.calls.rooms_marked(&prefix, search_start(oldest)).await {
            Ok(found) => self.settle_all(claimed, found).await,
            Err(error) => {
                for attempt in &claimed {
                    journal.mark_unknown(attempt, Timestamp::now()).await?;
                }
                Err(error.into())
            }
        }
    }

    async fn settle_all(&self, claimed: Vec<Attempt>, found: MarkedRooms) -> Result<(), RoundError> {
        let journal = self.store.journal();
        let deployment = &journal.deployment().id;
        let mut rooms: HashMap<&str, RoomId> = found
            .rooms
            .iter()
            .filter_map(|room| Some((marker::attempt_of(&room.description, deployment)?, room.id.clone())))
            .collect();
        for attempt in claimed {
            let now = Timestamp::now();
            let room = rooms.remove(attempt.id.as_str());
            let Some(ending) = ending(&attempt, room, self.settings.orphan_grace, now) else {
                journal.mark_unknown(&attempt, now).await?;
                continue;
            };
            let (attempt_id, teleconsultation) = (&attempt.id, &attempt.teleconsultation);
            match &ending {
                Ending::Discard(room) => {
                    self.counters.discards.increment(1);
                    tracing::info!(attempt = attempt_id, %teleconsultation, %room, "an abandoned room is deleted");
                }
                _ => tracing::warn!(
                    attempt = attempt_id,
                    %teleconsultation,
                    "no room was found for an attempt whose answer was lost; it may have leaked one"
                ),
            }
            crash_point!("C9");
            self.store.end(&attempt, ending, now).await?;
            self.retire_soon();
        }
        Ok(())
    }

    /// Recovers at start and from time to time, until it is told to end.
    pub async fn keep_recovering(&self, end: &CancellationToken) {
        let mut rounds = tokio::time::interval(self.settings.recovery_interval);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while end.run_until_cancelled(rounds.tick()).await.is_some() {
            if let Err(error) = self.recover().await {
                self.counters.failed(&error);
                tracing::warn!(error = %error, "unsettled rooms could not be looked at; trying again");
            }
            let yesterday = Timestamp::now().saturating_sub(KEYS_KEPT).unwrap_or(Timestamp::MIN);
            if let Err(error) = self.store.journal().forget_keys(yesterday).await {
                self.counters.store_errors.increment(1);
                tracing::warn!(error = %error, "old keyed requests could not be forgotten; trying again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{Attempt, Ending, ending};
    use crate::domain::ids::TeleconsultationId;

    #[test]
    fn a_room_is_discarded_and_none_is_waited_for_until_the_grace_ends() {
        let start = Timestamp::UNIX_EPOCH;
        let attempt = Attempt {
            id: "a".into(),
            teleconsultation: TeleconsultationId::generate(start),
            generation: 1,
            order: String::new(),
            started_at: start,
            lease_until: start,
            fence: 1,
        };
        let grace = SignedDuration::from_secs(300);
        let at = |seconds| start + SignedDuration::from_secs(seconds);
        let room = RoomId::new("room_1").unwrap();
        assert_eq!(ending(&attempt, Some(room.clone()), grace, at(1)), Some(Ending::Discard(room)));
        assert_eq!(ending(&attempt, None, grace, at(300)), None);
        assert_eq!(ending(&attempt, None, grace, at(301)), Some(Ending::Lost));
    }
}
