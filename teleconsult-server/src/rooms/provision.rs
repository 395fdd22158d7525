//! Gives a teleconsultation a room: begin an attempt, create the room, commit both together.

use std::time::Instant;

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use jiff::Timestamp;

use super::{ProvisionError, Rooms, links, marker};
use crate::domain::ids::TeleconsultationId;
use crate::domain::participants::Participant;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::{Attempt, AttemptResolution, Cas, NewAttempt, crash_point};
use crate::vendor::{CALL_TIMEOUT, RoomSpec};

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
        let (attempt, spec, next) = self.begin(next, valid_until).await?;
        let room = self.create(&attempt, &spec, &next.participants).await?;
        crash_point!("C11");
        crash_point!("C5");
        self.commit(&attempt, next, room, replaced, valid_until).await
    }

    /// Resumes the creation of `next` that an earlier request began: a room that it created is adopted, if it equals the room
    /// that would be created now. `None` if there is no such room.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`].
    pub async fn resume(&self, next: &Teleconsultation) -> Result<Option<TeleconsultationId>, ProvisionError> {
        let wanted = self.spec(next).digest();
        let (id, lease) = (next.id.clone(), self.settings.lease);
        let open = self.store.write(move |tx| Box::pin(async move { tx.claim_attempts_of(&id, lease).await })).await?;
        for attempt in open {
            let Ok(Some(room)) = self.find(&attempt).await else {
                // The vendor may still be creating it, or cannot list rooms. Recovery can wait longer than a caller.
                self.mark_unknown(&attempt).await?;
                continue;
            };
            if attempt.spec_digest != wanted {
                self.discard(&attempt, room).await?;
                continue;
            }
            tracing::info!(attempt = attempt.id, room = %room.id, "adopting the room of an earlier attempt");
            let next = Teleconsultation { base: Base::New, ..next.clone() };
            match self.commit(&attempt, next, room, None, None).await {
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
    async fn begin(
        &self,
        mut next: Teleconsultation,
        valid_until: Option<Timestamp>,
    ) -> Result<(Attempt, RoomSpec, Teleconsultation), ProvisionError> {
        let mut spec = self.spec(&next);
        let attempt = NewAttempt {
            id: marker::new_attempt_id(),
            teleconsultation: next.id.clone(),
            generation: next.base.next_generation(),
            spec_digest: spec.digest(),
        };
        // By the monotonic clock: setting the system's clock must not make a lease seem longer.
        let begun = Instant::now();
        let lease = self.settings.lease;
        let (attempt, base) = match self.store.records().begin_attempt(&attempt, lease, next.base, valid_until).await? {
            Cas::Applied(begun) => begun,
            Cas::Stale => return Err(ProvisionError::Stale),
            Cas::TooLate => return Err(ProvisionError::TooLate),
        };
        spec.marker = self.marker(&attempt);
        next.base = base;
        crash_point!("C3");
        if begun.elapsed() >= lease.unsigned_abs() && !self.renew(&attempt).await? {
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
        valid_until: Option<Timestamp>,
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
        let committed = self.store.records().commit_room(attempt, &next, replaced, valid_until).await;
        if replaced.is_some() || !matches!(committed, Ok(Cas::Applied(_))) {
            self.wake_retirement();
        }
        match committed? {
            Cas::Applied(id) => Ok(id),
            Cas::Stale => Err(ProvisionError::Stale),
            Cas::TooLate => Err(ProvisionError::TooLate),
        }
    }
}
