//! What the service remembers, and which changes happen together.
//!
//! Everything that is written in one [`Store::write`] is committed together or not at all. Every change to a teleconsultation
//! is a compare-and-set on its [`Base`], so a decision based on an old reading is refused.
//!
//! The database holds the journal: attempts to create rooms, rooms that wait for deletion, idempotency keys and leases. The
//! records (teleconsultations and the user map) are in the same database or in the platform's CRUD Service; [`Records`] is
//! what the two have in common.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::{Base, Teleconsultation};

pub mod crud_service;
pub mod engine;
mod error;
pub(crate) mod held_key;
mod journal;
pub mod metrics;
mod sql_records;
#[cfg(test)]
mod tests;
mod tx;
mod unreadable;

pub(crate) use error::crash_point;
pub use error::{Result, StoreError};
pub use journal::{
    Attempt, AttemptResolution, Deployment, JournalCounts, KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, NewAttempt,
    RENEWALS_PER_LEASE, Retirement, Suspect, SweepPass,
};
pub use tx::{Read, Tx};

use crud_service::CrudServiceRecords;
use engine::Database;
use sql_records::SqlRecords;

/// How a compare-and-set ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Cas<T = ()> {
    /// It was applied.
    Applied(T),
    /// Another writer was first, or the record is gone. Nothing was changed.
    Stale,
    /// The decision had ceased to hold by then. Nothing was changed.
    TooLate,
}

impl<T> Cas<T> {
    /// The same with another value.
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Cas<U> {
        match self {
            Self::Applied(value) => Cas::Applied(f(value)),
            Self::Stale => Cas::Stale,
            Self::TooLate => Cas::TooLate,
        }
    }
}

/// A teleconsultation as it was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The teleconsultation.
    pub record: Teleconsultation,
    /// When it was read, by the clock by which changes are stored.
    pub at: Timestamp,
    /// Whether a change of it may still take effect.
    pub is_changing: bool,
}

/// The teleconsultations and the user map, and the changes of the journal that belong to a change of a record.
///
/// A decision on a record may hold only until its window opens. Time passes between the decision and its storing, so the
/// moment is passed on as `valid_until` and compared with the database's clock where the change is stored.
#[async_trait]
pub trait Records: Send + Sync {
    /// Checks that the records can be read.
    async fn ping(&self) -> Result<()>;

    /// A teleconsultation that is not in the trash.
    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Reading>>;

    /// As [`get`](Self::get), after the changes that are being stored at this moment.
    async fn get_after_changes(&self, id: &TeleconsultationId) -> Result<Option<Reading>>;

    /// The teleconsultation that was ever stored for this id, including the trash: [`insert`](Self::insert) and
    /// [`commit_room`](Self::commit_room) may have stored it under another.
    async fn stored_for(&self, id: &TeleconsultationId) -> Result<Option<TeleconsultationId>>;

    /// Those of the rooms that are the room of a record.
    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>>;

    /// Stores a new teleconsultation without a room, and returns its id: some stores choose it themselves.
    async fn insert(&self, record: &Teleconsultation) -> Result<TeleconsultationId>;

    /// Stores a change that needs no new room. `retire` is a room that the change leaves behind.
    async fn update(
        &self,
        record: &Teleconsultation,
        retire: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas>;

    /// Moves a teleconsultation to the trash and queues its room for deletion.
    async fn trash(&self, record: &Teleconsultation) -> Result<Cas>;

    /// Records the intent to create a room, before the vendor is called. Of a stored teleconsultation, version and generation
    /// go up; the result has its new base.
    async fn begin_attempt(
        &self,
        attempt: &NewAttempt,
        lease: SignedDuration,
        base: Base,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<(Attempt, Base)>>;

    /// Makes the room of an attempt the record's room, ends the attempt and queues the replaced room for deletion. The
    /// result is the record's id.
    ///
    /// If the attempt was taken over, another one has begun since, or the decision no longer holds, the room of this attempt
    /// is queued instead, in the same transaction.
    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<TeleconsultationId>>;

    /// The vendor ids of those people who have one.
    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>>;

    /// Adds rows to the user map. An existing row wins.
    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)]) -> Result<()>;

    /// Resolves writes whose outcome is unknown. Does nothing in a store that has none.
    async fn recover(&self) -> Result<()>;
}

/// The database, and where the records are. Clones share both.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    records: Arc<dyn Records>,
}

impl Store {
    /// Keeps the records in the database too.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let database = Arc::new(database);
        let records = Arc::new(SqlRecords::new(Arc::clone(&database)));
        Self { database, records }
    }

    /// Keeps the records in the CRUD Service, and the journal alone in the database.
    #[must_use]
    pub fn with_crud_service(
        database: Database,
        settings: crud_service::CrudSettings,
        client: crate::platform::PlatformClient,
    ) -> Self {
        let database = Arc::new(database);
        let records = Arc::new(CrudServiceRecords::new(settings, client, Arc::clone(&database)));
        Self { database, records }
    }

    /// Runs a unit of work in one transaction, and commits it if it succeeds. A copy of it is run again if another
    /// transaction was in its way.
    ///
    /// # Errors
    ///
    /// The unit's, or that the database does not work. Nothing was changed then, unless [`StoreError::is_ambiguous`].
    pub async fn write<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Clone + Send,
    ) -> Result<T> {
        self.database.write(unit).await
    }

    /// Reads outside of a transaction.
    #[must_use]
    pub fn read(&self) -> Read<'_> {
        self.database.read()
    }

    /// The teleconsultations and the user map.
    #[must_use]
    pub fn records(&self) -> &dyn Records {
        self.records.as_ref()
    }

    /// How the vendor's users and rooms of this deployment are recognized.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        self.database.deployment()
    }

    /// The parts that cannot be read now: `journal`, `records`.
    pub async fn unavailable_parts(&self) -> Vec<&'static str> {
        let (journal, records) = tokio::join!(self.database.read().ping(), self.records.ping());
        let parts = [("journal", journal), ("records", records)];
        parts.into_iter().filter(|(_, pinged)| pinged.is_err()).map(|(name, _)| name).collect()
    }

    /// Checks that the database can be written to, by a write without effect.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn check_writable(&self) -> Result<()> {
        self.write(|tx| Box::pin(tx.touch_deployment())).await
    }

    /// Finishes running writes, closes the database and releases its lock, even while clones exist.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
