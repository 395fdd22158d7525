//! The embedded store: one SQLite file under `DATA_DIR`, used by one process alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, Sqlite, Transaction};

use super::{Attempt, Deployment, Ending, Journal, Result, Retirement, Store, StoreError, Stored};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::Teleconsultation;

mod journal;
mod people;
mod rows;
#[cfg(test)]
mod tests;

pub(in crate::store) use journal::Outcome;
use rows::{failed, forget_attempt, insert_record, millis, overwrite, queue, record, room_id, teleconsultation_id};

/// Readers beside the one writer. SQLite reads are short; more would only wait for the same cores.
const READERS: u32 = 4;
/// How long a statement waits for a lock. Only a backup tool can hold one, since the process is alone.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the embedded store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written to.
    #[error("DATA_DIR {path:?} cannot be used")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds it.
    #[error("DATA_DIR {0:?} is in use by another process; the embedded store serves one process alone")]
    InUse(PathBuf),
    /// The database cannot be opened or brought up to date.
    #[error("the database in DATA_DIR {path:?} cannot be opened")]
    Database {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The embedded store.
pub struct SqliteStore {
    /// One connection: SQLite has one writer at a time, and queueing here is cheaper than polling its lock.
    writer: SqlitePool,
    readers: SqlitePool,
    deployment: Deployment,
    /// Held for as long as the store is open; the system gives it back even after `kill -9`.
    lock: File,
}

impl SqliteStore {
    /// Opens the store in a folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// [`OpenError`], when the folder or the database cannot be used or another process uses them.
    pub async fn open(folder: &Path) -> std::result::Result<Self, OpenError> {
        let lock = lock(folder)?;
        let database =
            |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database { path: folder.to_owned(), source };
        let options = SqliteConnectOptions::new()
            .filename(folder.join("teleconsult.sqlite3"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged must survive a power cut, not only a crash of the process.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        let writer = pool(1).connect_with(options.clone()).await.map_err(|error| database(error.into()))?;
        sqlx::migrate!("src/store/migrations").run(&writer).await.map_err(|error| database(error.into()))?;
        let deployment = deployment(&writer).await.map_err(|error| database(error.into()))?;
        let readers = pool(READERS)
            .min_connections(1)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(|error| database(error.into()))?;
        Ok(Self { writer, readers, deployment, lock })
    }

    /// Finishes what is being written, closes the file and lets another process have it, whoever still holds this value.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Err(error) = self.lock.unlock() {
            // The system does it when the process ends.
            tracing::debug!(error = %error, "the store's lock was not given back");
        }
    }

    async fn begin_writing(&self) -> Result<Transaction<'static, Sqlite>> {
        // IMMEDIATE: a transaction that reads first could not become a writer while another one holds the lock.
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
    }
}

fn lock(folder: &Path) -> std::result::Result<File, OpenError> {
    let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
    make_private_folder(folder).map_err(failed)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Links are in there: a folder that is made here is for its owner alone. One that exists is left as the operator made it.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

async fn deployment(writer: &SqlitePool) -> std::result::Result<Deployment, sqlx::Error> {
    let key: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|half| *half.as_bytes()).collect();
    let id = &uuid::Uuid::new_v4().simple().to_string()[..8];
    sqlx::query("INSERT INTO deployment (only_row, id, user_id_key) VALUES (1, ?, ?) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(key)
        .execute(writer)
        .await?;
    let row = sqlx::query("SELECT id, user_id_key FROM deployment").fetch_one(writer).await?;
    Ok(Deployment { id: row.try_get(0)?, user_id_key: row.try_get::<Vec<u8>, _>(1)?.into() })
}

#[async_trait]
impl Store for SqliteStore {
    fn journal(&self) -> &dyn Journal {
        self
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(failed)?;
        Ok(())
    }

    async fn teleconsultation(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>> {
        let row = sqlx::query("SELECT * FROM teleconsultations WHERE id = ? AND trashed_at IS NULL")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(record).transpose()
    }

    async fn insert(&self, record: &Teleconsultation, now: Timestamp) -> Result<TeleconsultationId> {
        let mut tx = self.begin_writing().await?;
        if insert_record(&mut tx, record, now).await? == 0 {
            return Err(StoreError::corrupt("a new id is already taken"));
        }
        tx.commit().await.map_err(failed)?;
        Ok(record.id.clone())
    }

    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Stored> {
        let mut tx = self.begin_writing().await?;
        if overwrite(&mut tx, record, now).await? == 0 {
            return Ok(Stored::Stale);
        }
        if let Some(room) = retire {
            queue(&mut tx, room, &record.id, now).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Stored::Yes)
    }

    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Stored> {
        let mut tx = self.begin_writing().await?;
        // The generation goes up too, so that a room that is being made for it finds no record to become part of.
        let done = sqlx::query(
            "UPDATE teleconsultations SET version = version + 1, generation = generation + 1, room_id = NULL, \
             updated_at = ?, trashed_at = ? WHERE id = ? AND version = ? AND trashed_at IS NULL",
        )
        .bind(millis(now))
        .bind(millis(now))
        .bind(record.id.as_str())
        .bind(record.version)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(Stored::Stale);
        }
        if let Some(room) = &record.room {
            queue(&mut tx, room, &record.id, now).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Stored::Yes)
    }

    async fn begin(&self, attempt: &Attempt, version: Option<i64>) -> Result<Option<i64>> {
        let mut tx = self.begin_writing().await?;
        if let Some(version) = version {
            let done = sqlx::query(
                "UPDATE teleconsultations SET version = version + 1, generation = ? \
                 WHERE id = ? AND version = ? AND generation < ? AND trashed_at IS NULL",
            )
            .bind(attempt.generation)
            .bind(attempt.teleconsultation.as_str())
            .bind(version)
            .bind(attempt.generation)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
        }
        sqlx::query(
            "INSERT INTO attempts (id, teleconsultation_id, generation, state, started_at, lease_until) \
             VALUES (?, ?, ?, 'creating', ?, ?)",
        )
        .bind(&attempt.id)
        .bind(attempt.teleconsultation.as_str())
        .bind(attempt.generation)
        .bind(millis(attempt.started_at))
        .bind(millis(attempt.lease_until))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Some(version.map_or(0, |version| version + 1)))
    }

    async fn settle(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Option<TeleconsultationId>> {
        let room = record.room.as_ref().ok_or(StoreError::corrupt("an attempt was settled without a room"))?;
        let mut tx = self.begin_writing().await?;
        // Still open? A recovery that took it over has already decided about its room.
        let open = sqlx::query("SELECT 1 FROM attempts WHERE id = ? AND state <> 'lost'")
            .bind(&attempt.id)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?
            .is_some();
        let switched = open
            && match record.version {
                0 => insert_record(&mut tx, &Teleconsultation { version: 1, ..record.clone() }, now).await? > 0,
                _ => overwrite(&mut tx, record, now).await? > 0,
            };
        let gone = if switched { replaced } else { Some(room) };
        if let Some(room) = gone {
            queue(&mut tx, room, &record.id, now).await?;
        }
        forget_attempt(&mut tx, attempt).await?;
        tx.commit().await.map_err(failed)?;
        Ok(switched.then(|| record.id.clone()))
    }

    async fn end(&self, attempt: &Attempt, ending: Ending, now: Timestamp) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        match ending {
            Ending::NoRoom => forget_attempt(&mut tx, attempt).await?,
            Ending::Discard(room) => {
                queue(&mut tx, &room, &attempt.teleconsultation, now).await?;
                forget_attempt(&mut tx, attempt).await?;
            }
            Ending::Lost => {
                sqlx::query("UPDATE attempts SET state = 'lost' WHERE id = ?")
                    .bind(&attempt.id)
                    .execute(&mut *tx)
                    .await
                    .map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }

    async fn due_retirements(&self, now: Timestamp, limit: u32) -> Result<Vec<Retirement>> {
        let rows = sqlx::query("SELECT * FROM retirements WHERE next_try_at <= ? ORDER BY next_try_at LIMIT ?")
            .bind(millis(now))
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter()
            .map(|row| {
                Ok(Retirement {
                    room: room_id(row.try_get("room_id").map_err(failed)?)?,
                    teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id").map_err(failed)?)?,
                    tries: row.try_get("tries").map_err(failed)?,
                })
            })
            .collect()
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        // One parameter for any number of ids: the statement is prepared once.
        let ids = serde_json::to_string(people).map_err(|error| StoreError::new("ids cannot be written", error))?;
        let rows = sqlx::query(
            "SELECT external_id, vendor_user_id FROM users WHERE external_id IN (SELECT value FROM json_each(?))",
        )
        .bind(ids)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|row| {
                let external = ExternalId::parse(row.try_get("external_id").map_err(failed)?);
                let vendor = UserId::new(row.try_get::<String, _>("vendor_user_id").map_err(failed)?);
                external.zip(vendor.ok()).ok_or(StoreError::corrupt("a stored user cannot be read"))
            })
            .collect()
    }

    async fn remember_users(&self, users: &[(ExternalId, UserId)], now: Timestamp) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        for (external, vendor) in users {
            sqlx::query(
                "INSERT INTO users (external_id, vendor_user_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(external.as_str())
            .bind(vendor.as_str())
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }
}
