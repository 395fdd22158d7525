//! The store in an SQL database: one set of statements for SQLite and PostgreSQL.
//!
//! Both run the same code through one driver interface; what they do not have in common is in `Engine`. SQLite has one
//! writer at a time. PostgreSQL has many, in many processes, so there each transaction begins by locking or changing the
//! row that its decision hangs on, and whoever comes second finds it changed.

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use jiff::Timestamp;
use sqlx::{Any, AnyPool, Transaction};

use super::{Attempt, Candidate, Deployment, Ending, Journal, Result, Retirement, Store, StoreError, Stored};
use crate::base::crash_points::crash_point;
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::Teleconsultation;

pub mod embedded;
mod engine;
mod journal;
mod keys;
mod participants;
pub mod postgres;
mod rows;
#[cfg(test)]
mod tests;

pub(in crate::store) use journal::Outcome;

use engine::{Engine, sql};
use rows::{
    failed, forget, insert_record, is_queued, list, millis, overwrite, queue, queue_unless_needed, record, retirement,
    teleconsultation_id,
};

/// A database.
pub struct SqlStore {
    engine: Engine,
    writer: AnyPool,
    readers: AnyPool,
    deployment: Deployment,
    /// Held for as long as an embedded store is open.
    lock: Option<embedded::Lock>,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The embedded one.
    #[error(transparent)]
    Embedded(#[from] embedded::OpenError),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

impl SqlStore {
    /// Finishes what is being written, closes the database and lets another process have it, whoever still holds this
    /// value.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }

    /// Where single statements write.
    async fn writing(&self) -> Result<&AnyPool> {
        crash_point!("C10");
        Ok(&self.writer)
    }

    async fn begin_writing(&self) -> Result<Transaction<'static, Any>> {
        self.writing().await?.begin_with(self.engine.begin()).await.map_err(failed)
    }
}

/// Who we are to the vendor, made up the first time.
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

#[async_trait]
impl Store for SqlStore {
    fn journal(&self) -> &dyn Journal {
        self
    }

    fn made_all_rooms(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(failed)?;
        Ok(())
    }

    async fn probe(&self) -> Result<()> {
        sqlx::query("UPDATE deployment SET only_row = 1").execute(self.writing().await?).await.map_err(failed)?;
        Ok(())
    }

    async fn teleconsultation(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>> {
        let row = sqlx::query(
            "SELECT id, version, generation, starts_at, ends_at, number, participants, room_id \
             FROM teleconsultations WHERE id = $1 AND trashed_at IS NULL",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(record).transpose()
    }

    async fn was_stored(&self, id: &TeleconsultationId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM teleconsultations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.writer)
            .await
            .map_err(failed)?;
        Ok(row.is_some())
    }

    async fn record_of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>> {
        let id: Option<String> =
            sqlx::query_scalar("SELECT id FROM teleconsultations WHERE room_id = $1 AND trashed_at IS NULL")
                .bind(room.as_str())
                .fetch_optional(&self.writer)
                .await
                .map_err(failed)?;
        id.as_deref().map(teleconsultation_id).transpose()
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
            queue(&mut tx, room, Some(&record.id), now).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Stored::Yes)
    }

    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Stored> {
        let mut tx = self.begin_writing().await?;
        // The generation goes up too, so that a room that is being made for it finds no record to become part of.
        let done = sqlx::query(
            "UPDATE teleconsultations SET version = version + 1, generation = generation + 1, room_id = NULL, \
             updated_at = $1, trashed_at = $1 WHERE id = $2 AND version = $3 AND trashed_at IS NULL",
        )
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
            queue(&mut tx, room, Some(&record.id), now).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Stored::Yes)
    }

    async fn begin(&self, attempt: &Attempt, version: Option<i64>) -> Result<Option<i64>> {
        let mut tx = self.begin_writing().await?;
        if let Some(version) = version {
            let done = sqlx::query(
                "UPDATE teleconsultations SET version = version + 1, generation = $1 \
                 WHERE id = $2 AND version = $3 AND generation < $1 AND trashed_at IS NULL",
            )
            .bind(attempt.generation)
            .bind(attempt.teleconsultation.as_str())
            .bind(version)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
        }
        sqlx::query(
            "INSERT INTO attempts \
             (id, teleconsultation_id, generation, asked, state, started_at, lease_until, fence) \
             VALUES ($1, $2, $3, $4, 'creating', $5, $6, $7)",
        )
        .bind(attempt.id.as_str())
        .bind(attempt.teleconsultation.as_str())
        .bind(attempt.generation)
        .bind(attempt.order.as_str())
        .bind(millis(attempt.started_at))
        .bind(millis(attempt.lease_until))
        .bind(attempt.fence)
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
        let switched = self.holds(&mut tx, attempt).await?
            && !is_queued(&mut tx, room).await?
            && match record.version {
                0 => insert_record(&mut tx, &Teleconsultation { version: 1, ..record.clone() }, now).await? > 0,
                _ => overwrite(&mut tx, record, now).await? > 0,
            };
        if switched {
            if let Some(replaced) = replaced {
                queue(&mut tx, replaced, Some(&record.id), now).await?;
            }
        } else {
            queue_unless_needed(&mut tx, room, Some(&record.id), now).await?;
        }
        forget(&mut tx, attempt).await?;
        tx.commit().await.map_err(failed)?;
        Ok(switched.then(|| record.id.clone()))
    }

    async fn end(&self, attempt: &Attempt, ending: Ending, now: Timestamp) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        if !self.holds(&mut tx, attempt).await? {
            return Ok(());
        }
        match ending {
            Ending::NoRoom => forget(&mut tx, attempt).await?,
            Ending::Discard(room) => {
                queue_unless_needed(&mut tx, &room, Some(&attempt.teleconsultation), now).await?;
                forget(&mut tx, attempt).await?;
            }
            Ending::Lost => {
                sqlx::query("UPDATE attempts SET state = 'lost' WHERE id = $1")
                    .bind(attempt.id.as_str())
                    .execute(&mut *tx)
                    .await
                    .map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }

    async fn claim_retirements(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Retirement>> {
        // Claimed means put off: whoever dies on the way leaves a room that falls due again.
        let rows = sqlx::query(sql!(
            self.engine,
            "UPDATE retirements SET next_try_at = $1 WHERE room_id IN \
             (SELECT room_id FROM retirements WHERE next_try_at <= $2 ORDER BY next_try_at LIMIT $3",
            skip_locked,
            ") RETURNING room_id, teleconsultation_id, tries"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .fetch_all(self.writing().await?)
        .await
        .map_err(failed)?;
        rows.iter().map(retirement).collect()
    }

    async fn orphans(&self, candidates: &[Candidate]) -> Result<Vec<RoomId>> {
        let attempts: Vec<&str> = candidates.iter().map(|one| one.attempt.as_str()).collect();
        let rooms: Vec<&str> = candidates.iter().map(|one| one.room.as_str()).collect();
        // In this order: an attempt that is settled between the two questions has made its room a record's by the second.
        let open = self
            .known(sql!(self.engine, "SELECT id FROM attempts WHERE state <> 'lost' AND id IN ", ids), &attempts)
            .await?;
        let used = self
            .known(sql!(self.engine, "SELECT room_id FROM teleconsultations WHERE room_id IN ", ids), &rooms)
            .await?;
        let queued =
            self.known(sql!(self.engine, "SELECT room_id FROM retirements WHERE room_id IN ", ids), &rooms).await?;
        let orphans = candidates.iter().filter(|one| {
            let room = one.room.as_str();
            !open.contains(&one.attempt) && !used.contains(room) && !queued.contains(room)
        });
        Ok(orphans.map(|one| one.room.clone()).collect())
    }

    async fn queue_orphan(&self, room: &RoomId, now: Timestamp) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        queue_unless_needed(&mut tx, room, None, now).await?;
        tx.commit().await.map_err(failed)
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        use sqlx::Row;
        let rows =
            sqlx::query(sql!(self.engine, "SELECT external_id, vendor_user_id FROM users WHERE external_id IN ", ids))
                .bind(list(people)?)
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
                "INSERT INTO users (external_id, vendor_user_id, created_at) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
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
