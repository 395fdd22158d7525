//! The room keeper's journal, also where the records themselves are kept elsewhere.

use async_trait::async_trait;
use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::Row;

use super::SqliteStore;
use super::rows::{attempt, failed, forget_attempt, millis, moment, queue};
use crate::domain::ids::TeleconsultationId;
use crate::store::{Attempt, Deployment, Journal, JournalCounts, Result};

/// What a change that was made elsewhere means for rooms.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Outcome<'a> {
    /// The attempt that ends with it.
    pub(in crate::store) attempt: Option<&'a Attempt>,
    /// The room that is a record's room now.
    pub(in crate::store) kept: Option<&'a RoomId>,
    /// The room that is nobody's now.
    pub(in crate::store) gone: Option<&'a RoomId>,
}

impl SqliteStore {
    /// Notes, before a change is made elsewhere, which rooms may be nobody's after it. They fall due at `until`, unless
    /// the change is concluded earlier; whoever deletes them then makes sure first.
    pub(in crate::store) async fn suspect(
        &self,
        rooms: &[&RoomId],
        teleconsultation: &TeleconsultationId,
        until: Timestamp,
    ) -> Result<()> {
        if rooms.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_writing().await?;
        for room in rooms {
            queue(&mut tx, room, teleconsultation, until).await?;
        }
        tx.commit().await.map_err(failed)
    }

    /// Notes what a change that was made elsewhere came to.
    pub(in crate::store) async fn conclude(
        &self,
        outcome: Outcome<'_>,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        if let Some(room) = outcome.kept {
            sqlx::query("DELETE FROM retirements WHERE room_id = ?")
                .bind(room.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        if let Some(room) = outcome.gone {
            queue(&mut tx, room, teleconsultation, now).await?;
            sqlx::query("UPDATE retirements SET next_try_at = ? WHERE room_id = ?")
                .bind(millis(now))
                .bind(room.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        if let Some(attempt) = outcome.attempt {
            forget_attempt(&mut tx, attempt).await?;
        }
        tx.commit().await.map_err(failed)
    }
}

#[async_trait]
impl Journal for SqliteStore {
    fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    async fn mark_unknown(&self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE attempts SET state = 'unknown', lease_until = ? WHERE id = ?")
            .bind(millis(now))
            .bind(&attempt.id)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn open_attempts(&self, now: Timestamp) -> Result<Vec<Attempt>> {
        let rows = sqlx::query("SELECT * FROM attempts WHERE state <> 'lost' AND lease_until <= ? ORDER BY started_at")
            .bind(millis(now))
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter().map(attempt).collect()
    }

    async fn counts(&self) -> Result<JournalCounts> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM attempts WHERE state <> 'lost') AS open,
                    (SELECT count(*) FROM attempts WHERE state = 'lost') AS lost,
                    (SELECT count(*) FROM retirements) AS queued",
        )
        .fetch_one(&self.readers)
        .await
        .map_err(failed)?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs).map_err(failed);
        Ok(JournalCounts {
            open_attempts: count("open")?,
            pending_retirements: count("queued")?,
            possible_leaks: count("lost")?,
        })
    }

    async fn release_leases(&self) -> Result<()> {
        sqlx::query("UPDATE attempts SET lease_until = 0 WHERE state <> 'lost'")
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn next_retirement(&self) -> Result<Option<Timestamp>> {
        let next: Option<i64> = sqlx::query_scalar("SELECT min(next_try_at) FROM retirements")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        next.map(moment).transpose()
    }

    async fn retired(&self, room: &RoomId) -> Result<()> {
        sqlx::query("DELETE FROM retirements WHERE room_id = ?")
            .bind(room.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn postpone(&self, room: &RoomId, until: Timestamp) -> Result<()> {
        sqlx::query("UPDATE retirements SET tries = tries + 1, next_try_at = ? WHERE room_id = ?")
            .bind(millis(until))
            .bind(room.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
