//! The values of the journal.

use bandyer_client::RoomId;
use jiff::Timestamp;

use crate::domain::ids::TeleconsultationId;

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
    /// When the lease of its holder ends.
    pub lease_until: Timestamp,
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

/// The open entries of the journal.
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
