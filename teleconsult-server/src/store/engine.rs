//! The database: one set of statements for SQLite and PostgreSQL.
//!
//! Both run the same code through one driver interface; the differences are in `dialect`. SQLite has one writer at a time.
//! PostgreSQL has many, in many processes, so there each transaction begins by locking or changing the row that its decision
//! depends on, and a concurrent one finds it changed.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, AnyPool, SqlStr};

use super::tx::{Read, Tx};
use super::unreadable::UnreadableRows;
use super::{Deployment, Result, crash_point};
use crate::base::clock::Clock;

pub(super) mod dialect;
pub mod migration;
pub mod postgres;
pub(super) mod session;
pub mod sqlite;

use dialect::Dialect;
use session::{Readers, Session};

/// How often a unit of work is run at most. Another transaction was in its way when it failed, and a second conflict is rare.
const MAX_ATTEMPTS: u32 = 3;
/// How long the next run waits, at random, in milliseconds. Without a pause, it takes its locks again before the other
/// transaction has noticed that they are free, and both are in each other's way once more.
const PAUSE: RangeInclusive<u64> = 10..=50;

/// A database.
pub struct Database {
    pub(super) dialect: Dialect,
    pub(super) writer: AnyPool,
    /// Begins a transaction that writes.
    begin: SqlStr,
    pub(super) readers: Readers,
    deployment: Deployment,
    /// The clock of what instances share. `None` for the database's own, where several processes use it.
    pub(super) clock: Option<Clock>,
    pub(super) unreadable: Arc<UnreadableRows>,
    /// Host and generation of the vendor's API that is called.
    pub(super) vendor: Arc<str>,
    /// Held while an embedded database is open.
    lock: Option<sqlite::Lock>,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The embedded one.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

impl Database {
    /// Keeps what belongs to this vendor (host and generation of its API) apart from what belongs to others. Without it, all
    /// belongs to one vendor without a name.
    #[must_use]
    pub fn for_vendor(mut self, vendor: &str) -> Self {
        self.vendor = vendor.into();
        self
    }

    pub(super) const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Runs a unit of work in one transaction, and commits it if it succeeds. An error rolls it back.
    ///
    /// If PostgreSQL ended the transaction because of a conflict with another one, a copy of the unit is run in a new
    /// transaction.
    pub(super) async fn write<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Clone + Send,
    ) -> Result<T> {
        crash_point!("C10");
        for _ in 1..MAX_ATTEMPTS {
            match self.transaction(unit.clone()).await {
                Err(error) if error.is_conflict() => {
                    tracing::debug!(error = %error, "a transaction conflicted with another one and is repeated");
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(PAUSE))).await;
                }
                result => return result,
            }
        }
        self.transaction(unit).await
    }

    async fn transaction<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
    ) -> Result<T> {
        let transaction = self.writer.begin_with(self.begin.clone()).await?;
        let mut tx = Tx::new(transaction, self);
        let value = unit(&mut tx).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Reads outside of a transaction.
    pub(super) fn read(&self) -> Read<'_> {
        Read::new(self)
    }

    /// Finishes running writes, closes the database and releases its lock, even while other owners of this value exist.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }
}

/// Reads the identity of this deployment, which is generated when the database is opened for the first time.
async fn deployment(connection: &mut AnyConnection, dialect: Dialect) -> std::result::Result<Deployment, sqlx::Error> {
    use sqlx::Row;
    let key: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|half| *half.as_bytes()).collect();
    let id = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
    sqlx::query("INSERT INTO deployment (only_row, id, user_id_key) VALUES (1, $1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(key)
        .execute(Session::new(connection, dialect))
        .await?;
    let row =
        sqlx::query("SELECT id, user_id_key FROM deployment").fetch_one(Session::new(connection, dialect)).await?;
    Ok(Deployment { id: row.try_get(0)?, user_id_key: row.try_get::<Vec<u8>, _>(1)?.into() })
}
