//! Gives a teleconsultation a room: begin an attempt, create the room, commit both together.

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use jiff::{SignedDuration, Timestamp};

use super::{ProvisionError, Rooms, links, marker};
use crate::domain::ids::TeleconsultationId;
use crate::domain::participants::Participant;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::{Attempt, AttemptResolution, Cas, crash_point};
use crate::vendor::{CALL_TIMEOUT, RoomSpec};

/// How long storing a new room may take. A viewer must not be shown a link that is replaced a moment later, so a change
/// counts as too late this much before its decision ceases to hold.
const COMMIT_MARGIN: SignedDuration = SignedDuration::from_secs(1);

impl Rooms {
    /// Creates a room for `next`, stores both together, and returns the record's id. `replaced` is the room that the stored
    /// record has, and `valid_until` the moment at which the decision ceases to hold: the vendor may take long.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`]. The stored record is unchanged then.
    pub async fn provision(
        &self,
        next: Teleconsultation,
        replaced: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<TeleconsultationId, ProvisionError> {
        let (attempt, spec, next) = self.begin(next).await?;
        let room = self.create(&attempt, &spec, &next.participants).await?;
        crash_point!("C11");
        crash_point!("C5");
        let committed_by = self.clock.now().saturating_add(COMMIT_MARGIN).unwrap_or(Timestamp::MAX);
        if valid_until.is_some_and(|until| committed_by >= until) {
            self.discard(&attempt, room).await?;
            return Err(ProvisionError::TooLate);
        }
        self.commit(&attempt, next, room, replaced).await
    }

    /// Resumes the creation of `next` that an earlier request began: a room that it created is adopted, if it equals the room
    /// that would be created now. `None` if there is no such room.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`].
    pub async fn resume(&self, next: &Teleconsultation) -> Result<Option<TeleconsultationId>, ProvisionError> {
        let wanted = self.spec(next).digest();
        let (id, now) = (next.id.clone(), self.clock.now());
        let until = self.lease_from(now);
        let open =
            self.store.write(move |tx| Box::pin(async move { tx.claim_attempts_of(&id, now, until).await })).await?;
        for attempt in open {
            let Ok(Some(room)) = self.find(&attempt).await else {
                // The vendor may still be creating it, or cannot list rooms. Recovery can wait longer than a caller.
                self.mark_unknown(&attempt).await?;
                continue;
            };
            if let Some(record) = self.store.records().of_room(&room.id).await? {
                // It was stored, but the response did not reach the caller.
                self.resolve(&attempt, AttemptResolution::NoRoom).await?;
                return Ok(Some(record));
            }
            if attempt.spec_digest != wanted {
                self.discard(&attempt, room).await?;
                continue;
            }
            tracing::info!(attempt = attempt.id, room = %room.id, "adopting the room of an earlier attempt");
            let next = Teleconsultation { base: Base::New, ..next.clone() };
            match self.commit(&attempt, next, room, None).await {
                Ok(id) => {
                    self.counters.adoptions.increment(1);
                    return Ok(Some(id));
                }
                Err(ProvisionError::Stale | ProvisionError::Links) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Records the attempt before the vendor is called. The returned record has the base that the attempt gave it.
    async fn begin(&self, mut next: Teleconsultation) -> Result<(Attempt, RoomSpec, Teleconsultation), ProvisionError> {
        let mut spec = self.spec(&next);
        let started_at = self.clock.now();
        let attempt = Attempt {
            id: marker::new_attempt_id(),
            teleconsultation: next.id.clone(),
            generation: next.base.next_generation(),
            spec_digest: spec.digest(),
            started_at,
            lease_until: self.lease_from(started_at),
            fence: 1,
        };
        spec.marker = self.marker(&attempt);
        let Cas::Applied(base) = self.store.records().begin_attempt(&attempt, next.base).await? else {
            return Err(ProvisionError::Stale);
        };
        next.base = base;
        crash_point!("C3");
        if self.clock.now() >= attempt.lease_until && !self.renew(&attempt).await? {
            // The new holder may have searched for the room already.
            return Err(ProvisionError::Stale);
        }
        Ok((attempt, spec, next))
    }

    /// The vendor's room for an attempt. On an error the attempt is ended if there is certainly no room, else left to
    /// recovery.
    async fn create(
        &self,
        attempt: &Attempt,
        spec: &RoomSpec,
        participants: &[Participant],
    ) -> Result<Room, ProvisionError> {
        self.counters.attempts.increment(1);
        let response = self.vendor.create_room(spec).await;
        crash_point!("C4");
        let error = match response {
            // v1 and v2 both return the links with the creation. If one is missing, the room is read.
            Ok(room) if links(&room, participants).is_some() => return Ok(room),
            Ok(room) => return Ok(self.vendor.room(&room.id).await.unwrap_or(room)),
            Err(error) => error,
        };
        if error.surely_not_done() {
            self.resolve(attempt, AttemptResolution::NoRoom).await?;
            return Err(error.into());
        }
        self.counters.unknown_outcomes.increment(1);
        tracing::warn!(
            attempt = attempt.id,
            teleconsultation = %attempt.teleconsultation,
            error = %error,
            "unknown whether the vendor created the room; searching for it"
        );
        if !self.renew(attempt).await? {
            return Err(ProvisionError::Stale);
        }
        // Bounded, because a caller waits and others want to search too. Recovery has more time.
        match tokio::time::timeout(CALL_TIMEOUT, self.find(attempt)).await {
            Ok(Ok(Some(room))) => {
                self.counters.adoptions.increment(1);
                tracing::info!(attempt = attempt.id, room = %room.id, "found and adopted the room");
                Ok(room)
            }
            // Not there, or not visible in time: the vendor may still be creating it.
            Ok(Ok(None) | Err(_)) | Err(_) => {
                self.mark_unknown(attempt).await?;
                Err(error.into())
            }
        }
    }

    /// Makes a room the record's room, unless it is no longer wanted.
    async fn commit(
        &self,
        attempt: &Attempt,
        mut next: Teleconsultation,
        room: Room,
        replaced: Option<&RoomId>,
    ) -> Result<TeleconsultationId, ProvisionError> {
        let Some(links) = links(&room, &next.participants) else {
            tracing::error!(attempt = attempt.id, room = %room.id, "deleting a room of the vendor without usable links");
            self.discard(attempt, room).await?;
            return Err(ProvisionError::Links);
        };
        for (participant, link) in next.participants.iter_mut().zip(links) {
            participant.access_link = Some(link);
        }
        next.room = Some(room.id);
        let committed = self.store.records().commit_room(attempt, &next, replaced, self.clock.now()).await?;
        if replaced.is_some() || committed == Cas::Stale {
            self.wake_retirement();
        }
        match committed {
            Cas::Applied(id) => Ok(id),
            Cas::Stale => Err(ProvisionError::Stale),
        }
    }
}
