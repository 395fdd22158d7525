//! The database: one set of statements for SQLite and PostgreSQL.
//!
//! Both run the same code through one driver interface; the differences are in `dialect`. SQLite has one writer at a time.
//! PostgreSQL has many, in many processes, so there each transaction begins by locking or changing the row that its decision
//! depends on, and a concurrent one finds it changed.

use futures_util::future::BoxFuture;
use sqlx::AnyPool;

use super::tx::{Read, Tx};
use super::{Deployment, Result, crash_point};
use crate::base::clock::Clock;

pub(super) mod dialect;
pub mod postgres;
pub mod sqlite;

use dialect::Dialect;

/// A database.
pub struct Database {
    pub(super) dialect: Dialect,
    writer: AnyPool,
    pub(super) readers: AnyPool,
    deployment: Deployment,
    /// The clock of what instances share. `None` for the database's own, where several processes use it.
    pub(super) clock: Option<Clock>,
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
    pub(super) const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Runs a unit of work in one transaction, and commits it if it succeeds. An error rolls it back.
    pub(super) async fn write<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
    ) -> Result<T> {
        crash_point!("C10");
        let transaction = self.writer.begin_with(self.dialect.begin()).await?;
        let mut tx = Tx::new(transaction, self.dialect, self.clock.clone());
        let value = unit(&mut tx).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Reads outside of a transaction.
    pub(super) const fn read(&self) -> Read<'_> {
        Read::new(&self.readers, self.dialect, self.clock.as_ref())
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
async fn deployment(writer: &AnyPool) -> std::result::Result<Deployment, sqlx::Error> {
    use sqlx::Row;
    let key: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|half| *half.as_bytes()).collect();
    let id = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
    sqlx::query("INSERT INTO deployment (only_row, id, user_id_key) VALUES (1, $1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(key)
        .execute(writer)
        .await?;
    let row = sqlx::query("SELECT id, user_id_key FROM deployment").fetch_one(writer).await?;
    Ok(Deployment { id: row.try_get(0)?, user_id_key: row.try_get::<Vec<u8>, _>(1)?.into() })
}
