//! Creates, replaces and deletes vendor rooms so that none is lost and none is left over.
//!
//! Creating a room is not idempotent, its id cannot be chosen, and its links come only with the response. So an attempt is
//! recorded before the vendor is called ([`Attempt`]), the room carries a marker that names the attempt, and it becomes a
//! record's room in the same transaction that ends the attempt. Whatever fails in between, the attempt stays open, and the
//! marker shows later whether there is a room.
//!
//! - A record changes only together with its room: until then the old room and its links stay.
//! - If the response is lost, the room is searched for immediately: if the vendor created it, it is adopted, and the caller
//!   does not notice.
//! - A caller whose request failed may repeat it with the same `Idempotency-Key`. A room that is found then is adopted too
//!   ([`Rooms::resume`]).
//! - Open attempts that are not resumed are resolved by `recovery`: a room found there is deleted, never adopted, because its
//!   caller got an error.
//! - A room that is no longer needed is queued in the transaction that makes it so, and deleted by `retirement`.
//! - A `sweep` searches the vendor's rooms periodically for rooms of this deployment without a record, in case all of the
//!   above was not enough. It deletes only what two looks agree on, and nothing while the records may be the wrong ones
//!   (`place`).
//!
//! Several instances may share a journal. The holder of an attempt has a lease, and a takeover after that increments the
//! fence: the write of an instance that was paused is refused, and its room is queued for deletion.

use std::sync::Arc;
use std::time::Duration;

use bandyer_client::rooms::{RecordingMode, Room};
use bandyer_client::{JoinUrl, UserId};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::domain::link;
use crate::domain::participants::Participant;
use crate::domain::privileges::{Privileges, Role};
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, AttemptResolution, JournalCounts, Store, StoreError};
use crate::vendor::{RoomSpec, VendorClient, VendorError};

pub mod details;
mod loss;
mod marker;
pub mod metrics;
mod place;
mod provision;
mod recovery;
pub mod repair;
mod retirement;
mod search;
mod sweep;

use metrics::RoomCounters;

/// The settings of rooms.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// Groups, roles and tools.
    pub privileges: Privileges,
    /// Whether rooms have no call time limit.
    pub unlimited: bool,
    /// Whether using a link makes the others ring.
    pub live: bool,
    /// Whether calls are recorded.
    pub recording: RecordingMode,
    /// Whether recordings are transcribed afterwards.
    pub transcribed: bool,
    /// How long the holder of an attempt has before others may take it over.
    pub lease: SignedDuration,
    /// Interval of recovery.
    pub recovery_interval: Duration,
    /// How long a room may stay hidden before its attempt counts as a possible leak, and how old a room without a record must
    /// be before a sweep takes note of it, and how long it must stay without one before it is deleted.
    pub orphan_grace: SignedDuration,
    /// Interval of sweeps.
    pub sweep_interval: Duration,
    /// Whether a sweep only reports what it would delete.
    pub sweep_dry_run: bool,
    /// How long the vendor must not find a room, inside the window, until the room counts as lost.
    pub room_loss: SignedDuration,
    /// Where the records are kept, without anything secret.
    pub records_place: String,
    /// The fingerprint of a place that the operator has confirmed.
    pub confirmed_place: Option<String>,
}

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The record was changed concurrently, or the attempt was taken over. Nothing of this change is left.
    #[error("the teleconsultation was changed concurrently")]
    Stale,
    /// The store. A room that was already created is found by its marker and deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor refused or could not be reached, or its response was lost and no room was found.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// When the vendor had created the room, the change was no longer allowed.
    #[error("the room was created too late for the change")]
    TooLate,
    /// The vendor created a room without a link for each participant, or with one that must not be given out.
    #[error("the vendor's room has no usable link for every participant")]
    Links,
}

/// Why a run of recovery, retirement or a sweep failed. The next run starts over.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal or the records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// Manages the rooms of all teleconsultations.
pub struct Rooms {
    store: Store,
    vendor: VendorClient,
    settings: RoomSettings,
    counters: RoomCounters,
    retirement_due: Arc<Notify>,
    sweep_notices: sweep::Notices,
}

impl Rooms {
    /// Keeps the journal in this store.
    #[must_use]
    pub fn new(store: Store, vendor: VendorClient, settings: RoomSettings, counters: RoomCounters) -> Self {
        let (retirement_due, sweep_notices) = (Arc::default(), sweep::Notices::default());
        Self { store, vendor, settings, counters, retirement_due, sweep_notices }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// Wakes retirement, because a room was queued.
    pub fn wake_retirement(&self) {
        self.retirement_due.notify_one();
    }

    /// Notified when a room was queued.
    #[must_use]
    pub fn retirement_wake_up(&self) -> Arc<Notify> {
        Arc::clone(&self.retirement_due)
    }

    /// The number of open entries of the journal; `None` if it cannot be read.
    pub async fn journal_counts(&self) -> Option<JournalCounts> {
        self.store.read().journal_counts().await.ok()
    }

    /// Ends an attempt that becomes no record's room.
    async fn resolve(&self, attempt: &Attempt, resolution: AttemptResolution) -> Result<(), StoreError> {
        let attempt = attempt.clone();
        self.store.write(move |tx| Box::pin(async move { tx.resolve_attempt(&attempt, resolution).await })).await
    }

    /// Ends an attempt whose room cannot be used.
    async fn discard(&self, attempt: &Attempt, room: Room) -> Result<(), StoreError> {
        self.counters.discards.increment(1);
        self.resolve(attempt, AttemptResolution::Discard(room.id)).await?;
        self.wake_retirement();
        Ok(())
    }

    /// Leaves an attempt to recovery.
    async fn mark_unknown(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let attempt = attempt.clone();
        self.store.write(move |tx| Box::pin(async move { tx.mark_attempt_unknown(&attempt).await })).await
    }

    /// Begins the lease of an attempt again. `false` if the attempt was taken over.
    async fn renew(&self, attempt: &Attempt) -> Result<bool, StoreError> {
        let (attempt, lease) = (attempt.clone(), self.settings.lease);
        self.store.write(move |tx| Box::pin(async move { tx.renew_attempt(&attempt, lease).await })).await
    }

    fn marker(&self, attempt: &Attempt) -> String {
        marker::marker(&self.store.deployment().id, &attempt.id)
    }

    /// What a room is created with, except for the marker.
    fn spec(&self, next: &Teleconsultation) -> RoomSpec {
        let participants = next.participants.iter().map(|participant| {
            // Roles are known before a room is created; if one is not, the lower role applies.
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

/// The link of each participant, in their order. `None` unless each has one that may be given out.
fn links(room: &Room, participants: &[Participant]) -> Option<Vec<JoinUrl>> {
    let link_of = |user: &UserId| {
        let link = room.participant(user)?.join_url.clone()?;
        link::is_safe(link.expose()).then_some(link)
    };
    participants.iter().map(|participant| link_of(&participant.vendor_user_id)).collect()
}
