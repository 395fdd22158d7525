//! The room keeper's journal, and what a store of records elsewhere needs of it.

use async_trait::async_trait;
use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::{Any, Row, Transaction};

use super::SqlStore;
use super::engine::sql;
use super::rows::{attempt, failed, forget, is_queued, list, millis, moment, queue};
use crate::domain::ids::TeleconsultationId;
use crate::store::{Attempt, Deployment, Duty, Journal, JournalCounts, Result};

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

impl SqlStore {
    /// Whether an attempt is still ours. Nobody can take it over before the transaction ends.
    pub(super) async fn holds(&self, tx: &mut Transaction<'_, Any>, attempt: &Attempt) -> Result<bool> {
        let row = sqlx::query(sql!(self.engine, "SELECT fence FROM attempts WHERE id = $1 AND state <> 'lost'", lock))
            .bind(attempt.id.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(failed)?;
        let fence = row.map(|row| row.try_get::<i64, _>("fence")).transpose().map_err(failed)?;
        Ok(fence == Some(attempt.fence))
    }

    /// Notes, before a change is made elsewhere, which rooms may be nobody's after it. They fall due at `until`, unless
    /// the change is concluded earlier; whoever deletes them then makes sure first.
    ///
    /// The first room is the one that the attempt brings, if there is one. The answer is whether it can still become a
    /// record's: the attempt must be ours, and the room not be queued already. If it cannot, nothing is noted.
    pub(in crate::store) async fn suspect(
        &self,
        attempt: Option<&Attempt>,
        rooms: &[&RoomId],
        teleconsultation: &TeleconsultationId,
        until: Timestamp,
    ) -> Result<bool> {
        if rooms.is_empty() {
            return Ok(true);
        }
        let mut tx = self.begin_writing().await?;
        if let (Some(attempt), [room, ..]) = (attempt, rooms)
            && (!self.holds(&mut tx, attempt).await? || is_queued(&mut tx, room).await?)
        {
            return Ok(false);
        }
        for room in rooms {
            queue(&mut tx, room, Some(teleconsultation), until).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(true)
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
            sqlx::query("DELETE FROM retirements WHERE room_id = $1")
                .bind(room.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        if let Some(room) = outcome.gone {
            queue(&mut tx, room, Some(teleconsultation), now).await?;
            sqlx::query("UPDATE retirements SET next_try_at = $1 WHERE room_id = $2")
                .bind(millis(now))
                .bind(room.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        if let Some(attempt) = outcome.attempt {
            forget(&mut tx, attempt).await?;
        }
        tx.commit().await.map_err(failed)
    }

    /// The values of one column that are among these.
    pub(super) async fn known(
        &self,
        statement: &'static str,
        values: &[&str],
    ) -> Result<std::collections::HashSet<String>> {
        let found: Vec<String> =
            sqlx::query_scalar(statement).bind(list(values)?).fetch_all(&self.writer).await.map_err(failed)?;
        Ok(found.into_iter().collect())
    }
}

#[async_trait]
impl Journal for SqlStore {
    fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    async fn renew(&self, attempt: &Attempt, until: Timestamp) -> Result<bool> {
        let done = sqlx::query("UPDATE attempts SET lease_until = $1 WHERE id = $2 AND fence = $3 AND state <> 'lost'")
            .bind(millis(until))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn mark_unknown(&self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE attempts SET state = 'unknown', lease_until = $1 WHERE id = $2 AND fence = $3")
            .bind(millis(now))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn claim_attempts(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Attempt>> {
        let rows = sqlx::query(sql!(
            self.engine,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE state <> 'lost' AND lease_until <= $2 ORDER BY lease_until LIMIT $3",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, asked, started_at, lease_until, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .fetch_all(self.writing().await?)
        .await
        .map_err(failed)?;
        rows.iter().map(attempt).collect()
    }

    async fn claim_attempts_of(
        &self,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Attempt>> {
        let rows = sqlx::query(sql!(
            self.engine,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE teleconsultation_id = $3 AND state <> 'lost' AND lease_until <= $2",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, asked, started_at, lease_until, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(teleconsultation.as_str())
        .fetch_all(self.writing().await?)
        .await
        .map_err(failed)?;
        rows.iter().map(attempt).collect()
    }

    async fn forget_lost(&self, before: Timestamp, seen: &[&str]) -> Result<u64> {
        let statement =
            sql!(self.engine, "DELETE FROM attempts WHERE id NOT IN ", ids, " AND state = 'lost' AND lease_until < $2");
        let done = sqlx::query(statement)
            .bind(list(seen)?)
            .bind(millis(before))
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn counts(&self) -> Result<JournalCounts> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM attempts WHERE state <> 'lost') AS open, \
                    (SELECT count(*) FROM attempts WHERE state = 'lost') AS lost, \
                    (SELECT count(*) FROM retirements WHERE next_try_at IS NOT NULL) AS queued, \
                    (SELECT count(*) FROM retirements WHERE next_try_at IS NULL) AS parked",
        )
        .fetch_one(&self.readers)
        .await
        .map_err(failed)?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs).map_err(failed);
        Ok(JournalCounts {
            open_attempts: count("open")?,
            pending_retirements: count("queued")?,
            parked_retirements: count("parked")?,
            possible_leaks: count("lost")?,
        })
    }

    async fn release_leases(&self) -> Result<()> {
        let mut tx = self.begin_writing().await?;
        for statement in [
            "UPDATE attempts SET lease_until = 0 WHERE state <> 'lost'",
            "UPDATE keyed_requests SET lease_until = 0 WHERE done = 0",
        ] {
            sqlx::query(statement).execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn next_retirement(&self) -> Result<Option<Timestamp>> {
        let next: Option<i64> = sqlx::query_scalar("SELECT min(next_try_at) FROM retirements")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        next.map(moment).transpose()
    }

    async fn retired(&self, room: &RoomId) -> Result<()> {
        sqlx::query("DELETE FROM retirements WHERE room_id = $1")
            .bind(room.as_str())
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn postpone(&self, room: &RoomId, until: Timestamp, failed_once_more: bool) -> Result<()> {
        sqlx::query("UPDATE retirements SET tries = tries + $1, next_try_at = $2 WHERE room_id = $3")
            .bind(i64::from(failed_once_more))
            .bind(millis(until))
            .bind(room.as_str())
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn park(&self, room: &RoomId) -> Result<()> {
        sqlx::query("UPDATE retirements SET tries = tries + 1, next_try_at = NULL WHERE room_id = $1")
            .bind(room.as_str())
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn unpark(&self, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE retirements SET tries = 0, next_try_at = $1 WHERE next_try_at IS NULL")
            .bind(millis(now))
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn take_duty(&self, duty: Duty, now: Timestamp, until: Timestamp) -> Result<bool> {
        // One statement, so that of several who ask at once one is told yes.
        let done = sqlx::query(
            "INSERT INTO duties (name, due_at) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE duties.due_at <= $3",
        )
        .bind(duty.name())
        .bind(millis(until))
        .bind(millis(now))
        .execute(self.writing().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
