//! The database: one set of statements for SQLite and PostgreSQL.
//!
//! Both run the same code through one driver interface; the differences are in `dialect`. SQLite has one writer at a time.
//! PostgreSQL has many, in many processes, so there each transaction begins by locking or changing the row that its decision
//! depends on, and a concurrent one finds it changed.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::AnyPool;

use super::tx::{Read, Tx};
use super::{Deployment, Result, crash_point};

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
    /// Host and generation of the vendor's API that is called.
    vendor: Arc<str>,
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
    pub(super) async fn write<T: Send>(
        &self,
        unit: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
    ) -> Result<T> {
        crash_point!("C10");
        let transaction = self.writer.begin_with(self.dialect.begin()).await?;
        let mut tx = Tx::new(transaction, self.dialect, Arc::clone(&self.vendor));
        let value = unit(&mut tx).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Reads outside of a transaction.
    pub(super) fn read(&self) -> Read<'_> {
        Read::new(&self.readers, self.dialect, &self.vendor)
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
