//! Resolves attempts without a holder: after a crash, or if the vendor's response was lost.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::search::{MAX_PAGES, search_start};
use super::{Rooms, RunError, marker};
use crate::store::{Attempt, AttemptResolution, RENEWALS_PER_LEASE, crash_point};
use crate::vendor::{MarkedRooms, Search};

/// How many attempts one run resolves at most. They share one walk through the vendor's list.
const BATCH: u32 = 500;

/// How an attempt is resolved, given the room that was found for it. `None` if it stays open for now.
fn resolution(
    attempt: &Attempt,
    room: Option<RoomId>,
    grace: SignedDuration,
    now: Timestamp,
) -> Option<AttemptResolution> {
    match room {
        Some(room) => Some(AttemptResolution::Discard(room)),
        None if now.duration_since(attempt.started_at) > grace => Some(AttemptResolution::Lost),
        None => None,
    }
}

impl Rooms {
    /// Looks at every attempt without a holder, once.
    ///
    /// # Errors
    ///
    /// [`RunError`], if the journal or the vendor's list cannot be read.
    pub async fn recover(&self) -> Result<(), RunError> {
        let recovered = self.store.records().recover().await;
        self.wake_retirement();
        // Neither waits for the other.
        self.recover_attempts().await?;
        Ok(recovered?)
    }

    async fn recover_attempts(&self) -> Result<(), RunError> {
        let lease = self.settings.lease;
        let claimed =
            self.store.write(move |tx| Box::pin(async move { tx.claim_attempts(lease, BATCH).await })).await?;
        let Some(oldest) = claimed.iter().map(|attempt| attempt.started_at).min() else { return Ok(()) };
        let prefix = marker::prefix(&self.store.deployment().id);
        let not_before = search_start(oldest);
        let search = Search { prefix: &prefix, not_before, max_pages: MAX_PAGES, first_only: false };
        // The search may take longer than a lease. If it ended meanwhile, instances would take over from each other for ever.
        let found = tokio::select! {
            biased;
            found = self.vendor.search_rooms(search) => found,
            never = self.keep_renewing(&claimed) => match never {},
        };
        match found {
            Ok(found) => self.resolve_attempts(claimed, found).await,
            Err(error) => {
                for attempt in &claimed {
                    self.mark_unknown(attempt).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Renews the leases of attempts until it is dropped.
    async fn keep_renewing(&self, claimed: &[Attempt]) -> Infallible {
        let lease = self.settings.lease;
        let pause = Duration::try_from(lease).unwrap_or(Duration::MAX) / RENEWALS_PER_LEASE;
        loop {
            tokio::time::sleep(pause).await;
            let attempts = claimed.to_vec();
            let renewed = self.store.write(move |tx| {
                Box::pin(async move {
                    for attempt in &attempts {
                        tx.renew_attempt(attempt, lease).await?;
                    }
                    Ok(())
                })
            });
            if let Err(error) = renewed.await {
                tracing::warn!(error = %error, "cannot renew the leases of attempts in recovery");
            }
        }
    }

    async fn resolve_attempts(&self, claimed: Vec<Attempt>, found: MarkedRooms) -> Result<(), RunError> {
        let deployment = &self.store.deployment().id;
        let mut rooms: HashMap<&str, RoomId> = found
            .rooms
            .iter()
            .filter_map(|room| Some((marker::attempt_of(&room.description, deployment)?, room.id.clone())))
            .collect();
        let now = self.store.read().now().await?;
        for attempt in claimed {
            let room = rooms.remove(attempt.id.as_str());
            let Some(resolution) = resolution(&attempt, room, self.settings.orphan_grace, now) else {
                self.mark_unknown(&attempt).await?;
                continue;
            };
            let (attempt_id, teleconsultation) = (&attempt.id, &attempt.teleconsultation);
            match &resolution {
                AttemptResolution::Discard(room) => {
                    self.counters.discards.increment(1);
                    tracing::info!(attempt = attempt_id, %teleconsultation, %room, "deleting an abandoned room");
                }
                _ => tracing::warn!(
                    attempt = attempt_id,
                    %teleconsultation,
                    "found no room for an attempt whose response was lost; it may have leaked one"
                ),
            }
            crash_point!("C9");
            self.resolve(&attempt, resolution).await?;
            self.wake_retirement();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{Attempt, AttemptResolution, resolution};
    use crate::domain::ids::TeleconsultationId;

    #[test]
    fn a_room_is_discarded_and_a_missing_one_awaited_during_the_grace() {
        let start = Timestamp::UNIX_EPOCH;
        let attempt = Attempt {
            id: "a".into(),
            teleconsultation: TeleconsultationId::generate(start),
            generation: 1,
            spec_digest: String::new(),
            started_at: start,
            fence: 1,
        };
        let grace = SignedDuration::from_secs(300);
        let at = |seconds| start + SignedDuration::from_secs(seconds);
        let room = RoomId::new("room_1").unwrap();
        let discarded = resolution(&attempt, Some(room.clone()), grace, at(1));
        assert_eq!(discarded, Some(AttemptResolution::Discard(room)));
        assert_eq!(resolution(&attempt, None, grace, at(300)), None);
        assert_eq!(resolution(&attempt, None, grace, at(301)), Some(AttemptResolution::Lost));
    }
}
