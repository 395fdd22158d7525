//! What is remembered, and which changes are one.
//!
//! Each method is one transaction: all of it is stored when it returns, or nothing is. Every change to a
//! teleconsultation is a compare-and-set on its version, so that a decision taken on an old reading is refused.

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use jiff::Timestamp;

use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::Teleconsultation;
use crate::platform::UpstreamError;

pub mod crud_service;
pub mod metrics;
pub mod sql;

/// The store cannot serve now: locked, full, read-only, not to be reached, or its content cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    what: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The CRUD Service's.
impl From<UpstreamError> for StoreError {
    fn from(error: UpstreamError) -> Self {
        Self::new("the CRUD Service does not serve", error)
    }
}

impl StoreError {
    pub(crate) fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, source: Some(source.into()) }
    }

    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self { what, source: None }
    }

    /// The platform service that failed, where the store is one.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        self.source.as_ref()?.downcast_ref()
    }
}

/// What a store gives back.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Who a store is to the vendor. Both parts are random and made once for each store, never derived from the vendor key:
/// two deployments with one key must not take each other's rooms for their own.
#[derive(Clone)]
pub struct Deployment {
    /// Marks vendor rooms as ours; eight letters and digits.
    pub id: String,
    /// Makes vendor user ids out of external ids.
    pub user_id_key: secrecy::SecretSlice<u8>,
}

/// Whether a compare-and-set took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// It did.
    Yes,
    /// Somebody else was first, or the record is gone.
    Stale,
}

/// A room that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Unique; part of the room's marker.
    pub id: String,
    /// For which teleconsultation. A new one is stored only together with its room.
    pub teleconsultation: TeleconsultationId,
    /// The generation of the record that the room may become part of.
    pub generation: i64,
    /// A digest of what is asked for, so that a room that is found later is known for what it is.
    pub order: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Until when somebody is working on it.
    pub lease_until: Timestamp,
    /// Goes up with everybody who takes the attempt over. Who comes with an old one is refused.
    pub fence: i64,
}

/// A vendor room that must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The room.
    pub room: RoomId,
    /// Whose room it was, where that is known.
    pub teleconsultation: Option<TeleconsultationId>,
    /// How often deleting it failed.
    pub tries: u32,
}

/// A vendor room with our marker, of which it is not known whether anybody needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The room.
    pub room: RoomId,
    /// The attempt that its marker names.
    pub attempt: String,
}

/// Work that one instance does for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Looking through the vendor's rooms for those that nobody needs.
    Sweep,
}

impl Duty {
    const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
        }
    }
}

/// How much of the journal is unsettled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalCounts {
    /// Rooms that were asked for and neither adopted nor given up.
    pub open_attempts: u64,
    /// Rooms that wait for deletion.
    pub pending_retirements: u64,
    /// Rooms that resisted deletion for so long that it is no longer tried.
    pub parked_retirements: u64,
    /// Rooms that were asked for, were never found, and cannot be ruled out.
    pub possible_leaks: u64,
}

/// How an open attempt ends without becoming a record's room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The vendor made no room.
    NoRoom,
    /// The vendor made this room; it is queued for deletion in the same transaction.
    Discard(RoomId),
    /// No room was found, and none can be ruled out.
    Lost,
}

/// The room keeper's journal: who we are to the vendor, rooms that were asked for, and rooms that must go.
#[async_trait]
pub trait Journal: Keys {
    /// Who this store is to the vendor.
    fn deployment(&self) -> &Deployment;

    /// Works on an attempt for longer. Whether it is still ours.
    async fn renew(&self, attempt: &Attempt, until: Timestamp) -> Result<bool>;

    /// Notes that the vendor's answer was lost, and gives up the lease.
    async fn mark_unknown(&self, attempt: &Attempt, now: Timestamp) -> Result<()>;

    /// Takes over attempts that nobody is working on, oldest first, at most `limit`.
    async fn claim_attempts(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Attempt>>;

    /// As [`claim_attempts`](Self::claim_attempts), for one teleconsultation alone.
    async fn claim_attempts_of(
        &self,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Attempt>>;

    /// Forgets attempts that were given up as lost, because no room is left of them; but not those `seen` to have one, nor
    /// those whose last lease ended at a moment or later: until then the vendor may have been asked. How many there were.
    async fn forget_lost(&self, before: Timestamp, seen: &[&str]) -> Result<u64>;

    /// How much is unsettled.
    async fn counts(&self) -> Result<JournalCounts>;

    /// Gives up all leases. Only for a store that no other process uses.
    async fn release_leases(&self) -> Result<()>;

    /// When the next deletion is due.
    async fn next_retirement(&self) -> Result<Option<Timestamp>>;

    /// Notes that a room is gone.
    async fn retired(&self, room: &RoomId) -> Result<()>;

    /// Puts a deletion off. `failed` counts it as a try.
    async fn postpone(&self, room: &RoomId, until: Timestamp, failed: bool) -> Result<()>;

    /// Tries a deletion no more.
    async fn park(&self, room: &RoomId) -> Result<()>;

    /// Tries deletions again that were parked.
    async fn unpark(&self, now: Timestamp) -> Result<()>;

    /// Whether a duty is due and not somebody else's. It is then ours, and due again at `until`.
    async fn take_duty(&self, duty: Duty, now: Timestamp, until: Timestamp) -> Result<bool>;
}

/// A request that may be repeated under the same `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// A digest of the key and of what it is for. The key itself may tell something of a person.
    pub key: String,
    /// A digest of what is asked for.
    pub fingerprint: String,
}

/// What is known of a keyed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to carry out.
    Ours {
        /// The teleconsultation that it is about: the one that was named when it was first carried out.
        teleconsultation: TeleconsultationId,
        /// Whether somebody tried before and may have come some way.
        resumed: bool,
        /// Goes up with everybody who takes it over.
        fence: i64,
    },
    /// It was carried out.
    Done(TeleconsultationId),
    /// Somebody is carrying it out.
    Running,
    /// The key was used for something else.
    OtherRequest,
}

/// What was asked under an `Idempotency-Key`.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Takes a keyed request on until `until`. `teleconsultation` is what it is about if nobody asked before.
    async fn claim_key(
        &self,
        request: &KeyedRequest,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim>;

    /// Notes that a keyed request was carried out, and for which teleconsultation.
    async fn finish_key(&self, key: &str, fence: i64, teleconsultation: &TeleconsultationId) -> Result<()>;

    /// Lets others carry a keyed request out that failed.
    async fn release_key(&self, key: &str, fence: i64) -> Result<()>;

    /// Forgets what was asked before a moment.
    async fn forget_keys(&self, before: Timestamp) -> Result<()>;
}

/// The records and the user map, and those changes to the journal that belong to a change of a record.
#[async_trait]
pub trait Store: Send + Sync {
    /// The room keeper's journal.
    fn journal(&self) -> &dyn Journal;

    /// Whether every room that a record names was made by this service. Of a room that others made, the vendor's "not
    /// found" may mean that it is looked for in the wrong place.
    fn made_all_rooms(&self) -> bool;

    /// Does nothing but answer.
    async fn ping(&self) -> Result<()>;

    /// Writes nothing that matters, to know whether anything can be written.
    async fn probe(&self) -> Result<()>;

    /// A teleconsultation that is not in the trash.
    async fn teleconsultation(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>>;

    /// Whether there is or was a teleconsultation with this id, the trash included.
    async fn was_stored(&self, id: &TeleconsultationId) -> Result<bool>;

    /// The teleconsultation whose room this is, unless it is in the trash.
    async fn record_of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>>;

    /// Stores a new teleconsultation that has no room, and tells its id: some stores choose it themselves.
    async fn insert(&self, record: &Teleconsultation, now: Timestamp) -> Result<TeleconsultationId>;

    /// Stores a change that asks for no new room, if the stored version is still `record.version`; `retire` is a room
    /// that the change leaves behind.
    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Stored>;

    /// Moves a teleconsultation to the trash and queues its room, if the stored version is still this one.
    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Stored>;

    /// Writes down that a room is about to be asked for. For a stored teleconsultation, `version` is the one that was
    /// decided on; its version and generation go up.
    ///
    /// The answer is the version that the record then has, 0 for a new one, or nothing when somebody else was first.
    async fn begin(&self, attempt: &Attempt, version: Option<i64>) -> Result<Option<i64>>;

    /// Makes the room of an attempt the record's room, ends the attempt and queues the room that is replaced. The
    /// answer is the record's id.
    ///
    /// If somebody else took the attempt over, or another generation was begun meanwhile, the room of this attempt is
    /// queued instead, in the same transaction, and the answer is nothing.
    async fn settle(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Option<TeleconsultationId>>;

    /// Ends an attempt that becomes no record's room. One that somebody else took over is left to them.
    async fn end(&self, attempt: &Attempt, ending: Ending, now: Timestamp) -> Result<()>;

    /// Takes on rooms whose deletion is due, at most `limit`, longest due first. They fall due again at `until`.
    async fn claim_retirements(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Retirement>>;

    /// Those rooms that nobody needs: no record has them, no attempt is open for them, and none is queued for deletion.
    async fn orphans(&self, candidates: &[Candidate]) -> Result<Vec<RoomId>>;

    /// Queues a room that nobody needs.
    async fn queue_orphan(&self, room: &RoomId, now: Timestamp) -> Result<()>;

    /// The vendor ids of those people that have one.
    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>>;

    /// Remembers vendor ids. A row that is already there wins.
    async fn remember_users(&self, users: &[(ExternalId, UserId)], now: Timestamp) -> Result<()>;
}
