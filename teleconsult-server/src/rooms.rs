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
//! - A caller who was told that the request failed may repeat it under the same `Idempotency-Key`: then a room that is
//!   found is adopted too ([`Rooms::resume`]).
//! - What nobody comes back for is settled by recovery: a room found there is deleted, never adopted behind the
//!   caller's back.
//! - A room that is no longer wanted is queued in the transaction that stops wanting it, and deleted by retirement.
//! - A sweep looks from time to time for rooms of ours that nobody needs, in case all of the above was not enough.
//!
//! Several instances may work on one journal. Whoever works on an attempt holds a lease, and whoever takes it over after
//! that raises its fence: a leader that was paused finds itself refused, and its room is queued.

use std::sync::Arc;
use std::time::Duration;

use bandyer_client::rooms::{Recording, Room};
use bandyer_client::{JoinUrl, UserId};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::base::crash_points::crash_point;
use crate::domain::ids::TeleconsultationId;
use crate::domain::link;
use crate::domain::participants::Participant;
use crate::domain::privileges::{Privileges, Role};
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, Ending, JournalCounts, Store, StoreError};
use crate::vendor::{CALL_TIMEOUT, RoomSpec, VendorClient, VendorError};

pub mod details;
mod marker;
pub mod metrics;
mod recovery;
mod retirement;
mod sweep;

use metrics::RoomCounters;

/// How long it may take to store a room that is there. Whoever looks meanwhile must not be shown a link that is replaced a
/// moment later, so a change counts as too late this much earlier.
const SETTLING: SignedDuration = SignedDuration::from_secs(1);

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
    /// How long somebody works on an attempt before others may take it over.
    pub lease: SignedDuration,
    /// How often unsettled attempts are looked at.
    pub recovery_interval: Duration,
    /// How long a room may stay hidden before its attempt counts as a possible leak, and how old a room must be before a
    /// sweep takes it for an orphan.
    pub orphan_grace: SignedDuration,
    /// How often the vendor's rooms are looked through for orphans.
    pub sweep_interval: Duration,
    /// Whether a sweep only tells what it would delete.
    pub sweep_dry_run: bool,
}

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Somebody else changed the record meanwhile, or took the attempt over. Nothing of this change is left.
    #[error("the teleconsultation was changed meanwhile")]
    Stale,
    /// The store. A room that was already made is found by its marker and deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor refused or could not be reached, or its answer was lost and no room was found.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// By the time the vendor had made the room, the change it was for was no longer allowed.
    #[error("the room came too late for the change")]
    TooLate,
    /// The vendor made a room without a link for everybody, or with one that must not be given out.
    #[error("the vendor's room has no usable link for every participant")]
    Links,
}

/// Why a round of background work was left undone. The next one starts over.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The journal or the records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// Keeps the rooms of all teleconsultations.
pub struct Rooms {
    store: Arc<dyn Store>,
    calls: VendorClient,
    settings: RoomSettings,
    counters: RoomCounters,
    retirement_due: Notify,
}

impl Rooms {
    /// Keeps its journal in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, calls: VendorClient, settings: RoomSettings, counters: RoomCounters) -> Self {
        Self { store, calls, settings, counters, retirement_due: Notify::new() }
    }

    /// Says that a room was queued, so that it goes at once.
    pub fn retire_soon(&self) {
        self.retirement_due.notify_one();
    }

    /// How much the journal leaves open; nothing when it cannot be read.
    pub async fn journal(&self) -> Option<JournalCounts> {
        self.store.journal().counts().await.ok()
    }

    /// Makes a room for `next`, stores both together and tells the record's id. `current` is the stored record that was
    /// decided on, if any, and `allowed` says whether the decision still holds at a moment: the vendor may take long.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`]. The stored record is then as it was.
    pub async fn make_room(
        &self,
        mut next: Teleconsultation,
        current: Option<&Teleconsultation>,
        allowed: &(dyn Fn(Timestamp) -> bool + Sync),
    ) -> Result<TeleconsultationId, ProvisionError> {
        let mut order = self.order(&next);
        let started_at = Timestamp::now();
        let attempt = Attempt {
            id: marker::new_attempt_id(),
            teleconsultation: next.id.clone(),
            generation: current.map_or(1, |current| current.generation + 1),
            order: order.digest(),
            started_at,
            lease_until: self.lease_from(started_at),
            fence: 1,
        };
        order.marker = self.marker(&attempt);
        let begun = self.store.begin(&attempt, current.map(|current| current.version)).await?;
        next.version = begun.ok_or(ProvisionError::Stale)?;
        crash_point!("C3");
        if Timestamp::now() >= attempt.lease_until && !self.still_holds(&attempt).await? {
            // Whoever took it over may have looked for the room already.
            return Err(ProvisionError::Stale);
        }
        let room = self.ask_for(&attempt, &order, &next.participants).await?;
        crash_point!("C11");
        crash_point!("C5");
        if !allowed(Timestamp::now().saturating_add(SETTLING).unwrap_or(Timestamp::MAX)) {
            self.discard(&attempt, room).await?;
            return Err(ProvisionError::TooLate);
        }
        self.attach(&attempt, next, room, current.and_then(|current| current.room.as_ref())).await
    }

    /// Takes up what an earlier try at creating `next` left open: a room that it made is adopted, if it is what would be
    /// asked for now. The answer is the record's id, or nothing if there is no room to be had.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`].
    pub async fn resume(&self, next: &Teleconsultation) -> Result<Option<TeleconsultationId>, ProvisionError> {
        let now = Timestamp::now();
        let journal = self.store.journal();
        let wanted = self.order(next).digest();
        for attempt in journal.claim_attempts_of(&next.id, now, self.lease_from(now)).await? {
            let Ok(Some(room)) = self.find(&attempt).await else {
                // The vendor may still be making it, or cannot tell: recovery has more patience than a caller.
                journal.mark_unknown(&attempt, Timestamp::now()).await?;
                continue;
            };
            if let Some(record) = self.store.record_of_room(&room.id).await? {
                // Stored, and nobody could be told.
                self.store.end(&attempt, Ending::NoRoom, Timestamp::now()).await?;
                return Ok(Some(record));
            }
            if attempt.order != wanted {
                self.discard(&attempt, room).await?;
                continue;
            }
            let next = Teleconsultation { version: 0, ..next.clone() };
            tracing::info!(attempt = attempt.id, room = %room.id, "a repeated request adopts the room of its first try");
            match self.attach(&attempt, next, room, None).await {
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

    /// Whether the vendor says that there is no such room. Not knowing is no.
    pub async fn is_gone(&self, room: &bandyer_client::RoomId) -> bool {
        self.calls.room(room).await.is_err_and(|error| error.is_not_found())
    }

    /// Makes a room the record's, if it is still wanted.
    async fn attach(
        &self,
        attempt: &Attempt,
        mut next: Teleconsultation,
        room: Room,
        replaced: Option<&bandyer_client::RoomId>,
    ) -> Result<TeleconsultationId, ProvisionError> {
        let Some(links) = links(&room, &next.participants) else {
            tracing::error!(attempt = attempt.id, room = %room.id, "the vendor's room lacks a usable link; it is deleted");
            self.discard(attempt, room).await?;
            return Err(ProvisionError::Links);
        };
        for (participant, link) in next.participants.iter_mut().zip(links) {
            participant.access_link = Some(link);
        }
        next.generation = attempt.generation;
        next.room = Some(room.id);
        let stored = self.store.settle(attempt, &next, replaced, Timestamp::now()).await?;
        if replaced.is_some() || stored.is_none() {
            self.retire_soon();
        }
        stored.ok_or(ProvisionError::Stale)
    }

    /// The vendor's room for an attempt. On an error the attempt is closed if there surely is no room, else left to
    /// recovery.
    async fn ask_for(
        &self,
        attempt: &Attempt,
        order: &RoomSpec,
        participants: &[Participant],
    ) -> Result<Room, ProvisionError> {
        self.counters.attempts.increment(1);
        let answer = self.calls.create_room(order).await;
        crash_point!("C4");
        let error = match answer {
            // v1 and v2 both give the links with the creation; one that does not is asked for them.
            Ok(room) if links(&room, participants).is_some() => return Ok(room),
            Ok(room) => return Ok(self.calls.room(&room.id).await.unwrap_or(room)),
            Err(error) => error,
        };
        if error.surely_not_done() {
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
        if !self.still_holds(attempt).await? {
            return Err(ProvisionError::Stale);
        }
        // Limited, because somebody waits and others want to look too; recovery has all the time.
        match tokio::time::timeout(CALL_TIMEOUT, self.find(attempt)).await {
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

    /// The room of an attempt, with its links, if the vendor has it.
    async fn find(&self, attempt: &Attempt) -> Result<Option<Room>, VendorError> {
        let since = recovery::search_start(attempt.started_at);
        let found = self.calls.rooms_marked(&self.marker(attempt), since).await?;
        match found.rooms.into_iter().next() {
            Some(room) => Ok(Some(self.calls.room(&room.id).await?)),
            None => Ok(None),
        }
    }

    /// Ends an attempt whose room nobody can use.
    async fn discard(&self, attempt: &Attempt, room: Room) -> Result<(), StoreError> {
        self.counters.discards.increment(1);
        self.store.end(attempt, Ending::Discard(room.id), Timestamp::now()).await?;
        self.retire_soon();
        Ok(())
    }

    /// Works on an attempt for another lease, unless somebody took it over.
    async fn still_holds(&self, attempt: &Attempt) -> Result<bool, StoreError> {
        self.store.journal().renew(attempt, self.lease_from(Timestamp::now())).await
    }

    fn lease_from(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.settings.lease).unwrap_or(Timestamp::MAX)
    }

    fn marker(&self, attempt: &Attempt) -> String {
        marker::marker(&self.store.journal().deployment().id, &attempt.id)
    }

    /// What is asked for, but for the marker.
    fn order(&self, next: &Teleconsultation) -> RoomSpec {
        let participants = next.participants.iter().map(|participant| {
            // Roles are settled before rooms are made; least is given where one is not.
            let role = participant.role.unwrap_or(Role::Basic);
            (participant.vendor_user_id.clone(), role, self.settings.privileges.tools_of(role))
        });
        RoomSpec {
            participants: participants.collect(),
            max_duration: (!self.settings.unlimited).then(|| Duration::from_secs(next.schedule.seconds())),
            live: self.settings.live,
            recording: self.settings.recording.clone(),
            transcribed: self.settings.transcribed,
            marker: String::new(),
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
