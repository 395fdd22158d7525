//! Settles attempts that nobody is working on: after a crash, or when the vendor's answer was lost.

use std::collections::HashMap;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::{RoomKeeper, marker};
use crate::store::{Attempt, Ending, StoreError};

/// How far the vendor's clock may be behind ours. Rooms are looked for from this long before the attempt began.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Why a round of recovery was left undone. The next one starts over.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor's list of rooms.
    #[error(transparent)]
    Vendor(#[from] bandyer_client::Error),
}

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

impl RoomKeeper {
    /// Looks at every attempt that nobody is working on, once.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`], when the journal or the vendor's list cannot be read.
    pub async fn recover(&self) -> Result<(), RecoveryError> {
        let open = self.store.journal().open_attempts(Timestamp::now()).await?;
        let Some(oldest) = open.iter().map(|attempt| attempt.started_at).min() else { return Ok(()) };
        let deployment = &self.store.journal().deployment().id;
        let rooms = self.calls.rooms_marked(&marker::prefix(deployment), search_start(oldest)).await?;
        let mut found: HashMap<&str, RoomId> = rooms
            .iter()
            .filter_map(|(room, description)| Some((marker::attempt_of(description, deployment)?, room.clone())))
            .collect();
        let now = Timestamp::now();
        for attempt in open {
            let room = found.remove(attempt.id.as_str());
            let Some(ending) = ending(&attempt, room, self.settings.orphan_grace, now) else { continue };
            let (attempt_id, teleconsultation) = (&attempt.id, &attempt.teleconsultation);
            match &ending {
                Ending::Discard(room) => {
                    self.counters.discards.increment(1);
                    tracing::info!(attempt = attempt_id, %teleconsultation, %room, "an abandoned room is deleted");
                }
                _ => {
                    tracing::warn!(
                        attempt = attempt_id,
                        %teleconsultation,
                        "no room was found for an attempt whose answer was lost; it may have leaked one"
                    );
                }
            }
            self.store.end(&attempt, ending, now).await?;
            self.retire_soon();
        }
        Ok(())
    }

    /// Recovers at start and from time to time, for ever.
    pub async fn keep_recovering(&self) {
        let mut rounds = tokio::time::interval(self.settings.recovery_interval);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.recover().await {
                tracing::warn!(error = %error, "unsettled rooms could not be looked at; trying again");
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
            started_at: start,
            lease_until: start,
        };
        let grace = SignedDuration::from_secs(300);
        let at = |seconds| start + SignedDuration::from_secs(seconds);
        let room = RoomId::new("room_1").unwrap();
        assert_eq!(ending(&attempt, Some(room.clone()), grace, at(1)), Some(Ending::Discard(room)));
        assert_eq!(ending(&attempt, None, grace, at(300)), None);
        assert_eq!(ending(&attempt, None, grace, at(301)), Some(Ending::Lost));
    }
}
