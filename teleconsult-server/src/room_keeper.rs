//! Makes, replaces and retires vendor rooms so that none is lost and none is left over.
//!
//! A room cannot be made twice with the same result, its id cannot be chosen, and its links come only with the answer.
//! So a room is written down before it is asked for ([`Attempt`]), carries a marker that names the attempt, and becomes
//! a record's room in the same transaction that closes the attempt. Whatever goes wrong in between, the attempt stays
//! open, and the marker tells later whether there is a room.
//!
//! - A record changes only together with its room: until then the old room and its links stay, and nobody was promised
//!   anything else.
//! - A lost answer is looked for at once: if the vendor did make the room, it is adopted and the caller never knows.
//! - What cannot be settled at once is settled by recovery: the caller was told that the request failed, so a room
//!   found there is deleted, never adopted behind the caller's back.
//! - A room that is no longer wanted is queued in the transaction that stops wanting it, and deleted by retirement.

use std::sync::Arc;
use std::time::Duration;

use bandyer_client::rooms::{Recording, Room};
use bandyer_client::{JoinUrl, UserId};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::domain::ids::TeleconsultationId;
use crate::domain::link;
use crate::domain::participants::Participant;
use crate::domain::privileges::{Privileges, Role};
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, Ending, Store, StoreError};
use crate::telemetry::metrics::KeeperCounters;
use crate::vendor::{CALL_TIMEOUT, RoomOrder, VideoCalls, surely_not_done};

mod journal;
mod marker;
mod recovery;
mod retirement;

pub use recovery::RecoveryError;

/// How long somebody works on an attempt at most: creating, looking for it and reading it, with room to spare. A leader
/// that wakes later finds its attempt taken over.
const LEASE: SignedDuration = SignedDuration::from_secs(5 * CALL_TIMEOUT.as_secs().cast_signed());

/// What the operator settled about rooms.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// Groups, roles and tools.
    pub privileges: Privileges,
    /// Whether rooms have no call time limit.
    pub unlimited: bool,
    /// Whether using a link makes the others ring.
    pub live: bool,
    /// Whether calls are recorded.
    pub recording: Recording,
    /// Whether recordings are written down afterwards.
    pub transcribed: bool,
    /// How often unsettled attempts are looked at.
    pub recovery_interval: Duration,
    /// How long a room may stay hidden before its attempt counts as a possible leak.
    pub orphan_grace: SignedDuration,
}

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Somebody else changed the record meanwhile. Nothing of this change is left.
    #[error("the teleconsultation was changed meanwhile")]
    Stale,
    /// The store. A room that was already made is found by its marker and deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor refused or could not be reached, or its answer was lost and no room was found.
    #[error(transparent)]
    Vendor(#[from] bandyer_client::Error),
    /// The vendor made a room without a link for everybody, or with one that must not be given out.
    #[error("the vendor's room has no usable link for every participant")]
    Links,
}

/// Keeps the rooms of all teleconsultations.
pub struct RoomKeeper {
    store: Arc<dyn Store>,
    calls: VideoCalls,
    settings: RoomSettings,
    counters: KeeperCounters,
    retirement_due: Notify,
}

impl RoomKeeper {
    /// Keeps its journal in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, calls: VideoCalls, settings: RoomSettings, counters: KeeperCounters) -> Self {
        Self { store, calls, settings, counters, retirement_due: Notify::new() }
    }

    /// Says that a room was queued, so that it goes at once.
    pub fn retire_soon(&self) {
        self.retirement_due.notify_one();
    }

    /// Makes a room for `next`, stores both together and tells the record's id. `current` is the stored record that was
    /// decided on, if any.
    ///
    /// # Errors
    ///
    /// [`KeepError`]. The stored record is then as it was.
    pub async fn make_room(
        &self,
        mut next: Teleconsultation,
        current: Option<&Teleconsultation>,
    ) -> Result<TeleconsultationId, KeepError> {
        let started_at = Timestamp::now();
        let attempt = Attempt {
            id: marker::new_attempt_id(),
            teleconsultation: next.id.clone(),
            generation: current.map_or(1, |current| current.generation + 1),
            started_at,
            lease_until: started_at.saturating_add(LEASE).unwrap_or(Timestamp::MAX),
        };
        let begun = self.store.begin(&attempt, current.map(|current| current.version)).await?;
        next.version = begun.ok_or(KeepError::Stale)?;
        let room = self.ask_for(&attempt, &next).await?;
        let links = match links(&room, &next.participants) {
            Some(links) => links,
            None => return self.discard(&attempt, room).await,
        };
        for (participant, link) in next.participants.iter_mut().zip(links) {
            participant.access_link = Some(link);
        }
        next.generation = attempt.generation;
        next.room = Some(room.id);
        let replaced = current.and_then(|current| current.room.as_ref());
        let stored = self.store.settle(&attempt, &next, replaced, Timestamp::now()).await?;
        if replaced.is_some() || stored.is_none() {
            self.retire_soon();
        }
        stored.ok_or(KeepError::Stale)
    }

    /// The vendor's room for an attempt. On an error the attempt is closed if there surely is no room, else left to
    /// recovery.
    async fn ask_for(&self, attempt: &Attempt, next: &Teleconsultation) -> Result<Room, KeepError> {
        let order = self.order(attempt, next);
        let error = match self.calls.create_room(&order).await {
            // v1 and v2 both give the links with the creation; one that does not is asked for them.
            Ok(room) if links(&room, &next.participants).is_some() => return Ok(room),
            Ok(room) => return Ok(self.calls.room(&room.id).await.unwrap_or(room)),
            Err(error) => error,
        };
        if surely_not_done(&error) {
            self.store.end(attempt, Ending::NoRoom, Timestamp::now()).await?;
            return Err(error.into());
        }
        self.counters.unknown_outcomes.increment(1);
        tracing::warn!(
            attempt = attempt.id,
            teleconsultation = %attempt.teleconsultation,
            error = %error,
            "whether the vendor made the room is unknown; looking for it"
        );
        // Limited, because somebody waits and others want to look too; recovery has all the time.
        match tokio::time::timeout(CALL_TIMEOUT, self.find(attempt, &order.marker)).await {
            Ok(Ok(Some(room))) => {
                self.counters.adoptions.increment(1);
                tracing::info!(attempt = attempt.id, room = %room.id, "the room was found and adopted");
                Ok(room)
            }
            // Not there, or not to be seen in time: the vendor may still be making it.
            Ok(Ok(None) | Err(_)) | Err(_) => {
                self.store.journal().mark_unknown(attempt, Timestamp::now()).await?;
                Err(error.into())
            }
        }
    }

    async fn find(&self, attempt: &Attempt, marker: &str) -> Result<Option<Room>, bandyer_client::Error> {
        let since = recovery::search_start(attempt.started_at);
        let found = self.calls.rooms_marked(marker, since).await?;
        match found.into_iter().next() {
            Some((room, _)) => Ok(Some(self.calls.room(&room).await?)),
            None => Ok(None),
        }
    }

    async fn discard(&self, attempt: &Attempt, room: Room) -> Result<TeleconsultationId, KeepError> {
        tracing::error!(attempt = attempt.id, room = %room.id, "the vendor's room lacks a usable link; it is deleted");
        self.counters.discards.increment(1);
        self.store.end(attempt, Ending::Discard(room.id), Timestamp::now()).await?;
        self.retire_soon();
        Err(KeepError::Links)
    }

    fn order(&self, attempt: &Attempt, next: &Teleconsultation) -> RoomOrder {
        let participants = next.participants.iter().map(|participant| {
            // Roles are settled before rooms are made; least is given where one is not.
            let role = participant.role.unwrap_or(Role::Basic);
            (participant.vendor_user_id.clone(), role, self.settings.privileges.tools_of(role))
        });
        RoomOrder {
            participants: participants.collect(),
            max_duration: (!self.settings.unlimited).then(|| Duration::from_secs(next.schedule.seconds())),
            live: self.settings.live,
            recording: self.settings.recording.clone(),
            transcribed: self.settings.transcribed,
            marker: marker::marker(&self.store.journal().deployment().id, &attempt.id),
        }
    }
}

/// Everybody's link, in the order of the participants; nothing unless each has one that may be given out.
fn links(room: &Room, participants: &[Participant]) -> Option<Vec<JoinUrl>> {
    let link_of = |user: &UserId| {
        let link = room.participant(user)?.join_url.clone()?;
        link::is_safe(link.expose()).then_some(link)
    };
    participants.iter().map(|participant| link_of(&participant.vendor_user_id)).collect()
}
