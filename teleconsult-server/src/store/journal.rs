//! The values of the journal.

use bandyer_client::RoomId;
use jiff::Timestamp;

use crate::domain::ids::TeleconsultationId;

/// How often a holder renews a lease while it lasts, so that a slow renewal does not end it.
pub const RENEWALS_PER_LEASE: u32 = 3;

/// How the vendor's users and rooms of this deployment are recognized. Both parts are random and generated once for each
/// database, never derived from the vendor key: two deployments that share a key must not take each other's rooms for
/// their own.
#[derive(Clone)]
pub struct Deployment {
    /// Part of the marker of this deployment's rooms; eight letters and digits.
    pub id: String,
    /// Derives vendor user ids from external ids.
    pub user_id_key: secrecy::SecretSlice<u8>,
}

/// An attempt to create a room, before it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// See [`Attempt`].
    pub id: String,
    /// See [`Attempt`].
    pub teleconsultation: TeleconsultationId,
    /// See [`Attempt`].
    pub generation: i64,
    /// See [`Attempt`].
    pub spec_digest: String,
}

impl NewAttempt {
    pub(super) fn started(self, at: Timestamp) -> Attempt {
        let Self { id, teleconsultation, generation, spec_digest } = self;
        Attempt { id, teleconsultation, generation, spec_digest, started_at: at, fence: 1 }
    }
}

/// An attempt to create a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Unique; part of the room's marker.
    pub id: String,
    /// The teleconsultation. A new one is stored only together with its room.
    pub teleconsultation: TeleconsultationId,
    /// The generation of the record that the room may become part of.
    pub generation: i64,
    /// A digest of what the room is created with, so that a room that is found later can be compared.
    pub spec_digest: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Incremented by each takeover. A holder with an old value is refused.
    pub fence: i64,
}

/// How an open attempt ends without becoming a record's room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResolution {
    /// The vendor created no room.
    NoRoom,
    /// The vendor created this room. It is queued for deletion in the same transaction.
    Discard(RoomId),
    /// No room was found, and it cannot be ruled out that there is one.
    Lost,
}

/// A vendor room that waits for deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The room.
    pub room: RoomId,
    /// The teleconsultation that it belonged to, if known.
    pub teleconsultation: Option<TeleconsultationId>,
    /// Number of failed attempts to delete it.
    pub failures: u32,
}

/// The open entries of the journal, of the vendor that is called except where another one is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalCounts {
    /// Attempts whose outcome is not resolved.
    pub open_attempts: u64,
    /// Rooms that wait for deletion.
    pub pending_retirements: u64,
    /// Rooms whose deletion failed so often that it is no longer attempted.
    pub parked_retirements: u64,
    /// Attempts whose room was never found and cannot be ruled out.
    pub possible_leaks: u64,
    /// Writes to the CRUD Service whose outcome is not known.
    pub open_writes: u64,
    /// Rows that this instance could not read when it last came across them.
    pub unreadable_rows: u64,
    /// Rooms that sweeps saw without a record.
    pub suspects: u64,
    /// Attempts and deletions at another vendor, which wait until it is called again.
    pub of_other_vendors: u64,
}

/// A vendor room that a sweep saw without a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The room.
    pub room: RoomId,
    /// When it was seen for the first time.
    pub first_seen_at: Timestamp,
    /// When it was seen most recently.
    pub last_seen_at: Timestamp,
}

/// A pass through the vendor's list, which may take several sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepPass {
    /// When it began.
    pub started_at: Timestamp,
    /// Where the next sweep continues.
    pub next_offset: u64,
    /// How many rooms with a record it has seen.
    pub needed: u64,
}

/// A request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// A digest of the key and its scope. The key itself may hold personal data.
    pub key: String,
    /// A digest of the request.
    pub fingerprint: String,
}

/// The state of a keyed request, as found when it is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyClaim {
    /// It is the claimant's to execute.
    Claimed {
        /// The teleconsultation that it is about: the one named by the first request with this key.
        teleconsultation: TeleconsultationId,
        /// Whether an earlier attempt may have done part of the work.
        resumed: bool,
        /// Incremented by each takeover.
        fence: i64,
    },
    /// It was executed.
    Done(TeleconsultationId),
    /// Another request with this key is being executed.
    Running,
    /// The key was used for a different request.
    Mismatch,
}

/// How the execution of a keyed request ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEnd {
    /// It succeeded, for this teleconsultation.
    Done(TeleconsultationId),
    /// It failed and may have been carried out in part. The same request may resume it.
    Failed,
    /// It was refused before it did anything. The key may serve another request.
    Refused,
}

/// What became of a keyed request that another request has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTakeover {
    /// It was executed, for this teleconsultation.
    Done(TeleconsultationId),
    /// It is being executed, or may be resumed.
    Running,
}

/// What is known of a document in the CRUD Service.
#[derive(Debug, Clone)]
pub(super) struct DocumentState {
    /// Counts the attempts to create a room for it; 0 if it is not known.
    pub(super) generation: i64,
    /// Whether the outcome of a write to it is not known yet.
    pub(super) is_changing: bool,
    /// When this was read.
    pub(super) at: Timestamp,
}

/// What a write to the CRUD Service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteKind {
    Insert,
    Update,
    Trash,
}

impl WriteKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Trash => "trash",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Trash].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A write to the CRUD Service whose outcome is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocumentWrite {
    /// Unique. For a write that brings a room, the id of the attempt that created it.
    pub(super) id: String,
    pub(super) kind: WriteKind,
    /// The document. For a new one, the id that stands for it until the CRUD Service has chosen another.
    pub(super) teleconsultation: TeleconsultationId,
    /// The room that it brings.
    pub(super) room: Option<RoomId>,
    /// The room that it removes.
    pub(super) replaced: Option<RoomId>,
    /// By which a new document without a room is recognized.
    pub(super) content: Option<String>,
    /// Whether it was given up, so that it must have no effect.
    pub(super) is_abandoned: bool,
    /// When it began.
    pub(super) started_at: Timestamp,
    /// Incremented by each takeover. A holder with an old value is refused.
    pub(super) fence: i64,
}
