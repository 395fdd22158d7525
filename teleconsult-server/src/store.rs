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
use jiff::Timestamp;

use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::{Base, Teleconsultation};

pub mod crud_service;
pub mod engine;
mod error;
mod journal;
pub mod metrics;
mod sql_records;
#[cfg(test)]
mod tests;
mod tx;

pub(crate) use error::crash_point;
pub use error::{Result, StoreError};
pub use journal::{
    Attempt, AttemptResolution, Deployment, JournalCounts, KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, Retirement,
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
}

impl<T> Cas<T> {
    /// `Applied` if there is a value.
    fn from_option(value: Option<T>) -> Self {
        value.map_or(Self::Stale, Self::Applied)
    }
}

/// The teleconsultations and the user map, and the changes of the journal that belong to a change of a record.
#[async_trait]
pub trait Records: Send + Sync {
    /// Whether every room that a record names was created by this service. If others created rooms too, the vendor's "not
    /// found" may mean that the room is looked up in the wrong place.
    fn all_rooms_are_ours(&self) -> bool;

    /// Checks that the records can be read.
    async fn ping(&self) -> Result<()>;

    /// A teleconsultation that is not in the trash.
    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>>;

    /// Whether a teleconsultation with this id was ever stored, including the trash.
    async fn was_stored(&self, id: &TeleconsultationId) -> Result<bool>;

    /// The teleconsultation whose room this is, unless it is in the trash.
    async fn of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>>;

    /// Those of the rooms that are the room of a record.
    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>>;

    /// Stores a new teleconsultation without a room, and returns its id: some stores choose it themselves.
    async fn insert(&self, record: &Teleconsultation, now: Timestamp) -> Result<TeleconsultationId>;

    /// Stores a change that needs no new room. `retire` is a room that the change leaves behind.
    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Cas>;

    /// Moves a teleconsultation to the trash and queues its room for deletion.
    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Cas>;

    /// Records the intent to create a room, before the vendor is called. Of a stored teleconsultation, version and generation
    /// go up; the result is its new base.
    async fn begin_attempt(&self, attempt: &Attempt, base: Base) -> Result<Cas<Base>>;

    /// Makes the room of an attempt the record's room, ends the attempt and queues the replaced room for deletion. The
    /// result is the record's id.
    ///
    /// If the attempt was taken over, or another one has begun since, the room of this attempt is queued instead, in the
    /// same transaction, and the result is [`Cas::Stale`].
    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Cas<TeleconsultationId>>;

    /// The vendor ids of those people who have one.
    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>>;

    /// Adds rows to the user map. An existing row wins.
    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)], now: Timestamp) -> Result<()>;
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

    /// Runs a unit of work in one transaction, and commits it if it succeeds.
    ///
    /// # Errors
    ///
    /// The unit's, or that the database does not work. Nothing was changed then.
    pub async fn write<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
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

    /// Checks that the journal and the records can be read.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<()> {
        self.database.read().ping().await?;
        self.records.ping().await
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
