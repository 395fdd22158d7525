//! Attempts to create rooms, and rooms that wait for deletion.

use std::collections::HashSet;
use std::sync::Arc;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, moment, room_id, teleconsultation_id};
use super::{Read, Tx, json_array};
use crate::domain::ids::TeleconsultationId;
use crate::store::engine::dialect::sql;
use crate::store::{Attempt, AttemptResolution, NewAttempt, Result, Retirement, StoreError};

fn attempt(row: &AnyRow) -> Result<Attempt> {
    Ok(Attempt {
        id: row.try_get("id")?,
        teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id")?)?,
        generation: row.try_get("generation")?,
        spec_digest: row.try_get("spec_digest")?,
        started_at: moment(row.try_get("started_at")?)?,
        fence: row.try_get("fence")?,
    })
}

fn retirement(row: &AnyRow) -> Result<Retirement> {
    let teleconsultation: Option<String> = row.try_get("teleconsultation_id")?;
    Ok(Retirement {
        room: room_id(row.try_get("room_id")?)?,
        teleconsultation: teleconsultation.as_deref().map(teleconsultation_id).transpose()?,
        failures: u32::try_from(row.try_get::<i64, _>("failures")?)
            .map_err(|_| StoreError::corrupt("a stored number is out of range"))?,
    })
}

impl Read<'_> {
    /// Those of the attempts that are open, or whose room is being stored in a document.
    pub async fn open_attempts(self, ids: &[&str]) -> Result<HashSet<String>> {
        let statement = sql!(
            self.dialect,
            "SELECT id FROM (SELECT id FROM attempts WHERE state <> 'lost' \
             UNION ALL SELECT id FROM document_writes WHERE state = 'writing') AS open WHERE id IN ",
            ids
        );
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(ids)?).fetch_all(self.pool).await?;
        Ok(found.into_iter().collect())
    }

    /// Those of the rooms that wait for deletion, or were deleted recently.
    pub async fn queued_rooms(self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let statement = sql!(self.dialect, "SELECT room_id FROM retirements WHERE room_id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(rooms)?).fetch_all(self.pool).await?;
        found.into_iter().map(room_id).collect()
    }

    /// The time until the next deletion is due; negative if it is overdue.
    pub async fn next_retirement(self) -> Result<Option<SignedDuration>> {
        let now = self.now().await?;
        let statement = "SELECT min(due_at) FROM retirements WHERE vendor = $1";
        let next: Option<i64> = sqlx::query_scalar(statement).bind(self.vendor).fetch_one(self.pool).await?;
        // A time that cannot be represented is as good as the nearest one that can: a claim replaces it.
        let nearest = |millis: i64| moment(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX });
        Ok(next.map(|next| nearest(next).duration_since(now)))
    }
}

/// Attempts.
impl Tx {
    /// Adds a new attempt, which is its holder's for the duration of `lease`.
    pub async fn add_attempt(&mut self, attempt: &NewAttempt, lease: SignedDuration) -> Result<Attempt> {
        let started_at = self.now().await?;
        let lease_until = started_at.saturating_add(lease).unwrap_or(Timestamp::MAX);
        let attempt = attempt.clone().started(started_at);
        let vendor = self.vendor();
        sqlx::query(
            "INSERT INTO attempts \
             (id, teleconsultation_id, generation, spec_digest, state, started_at, lease_until, fence, vendor) \
             VALUES ($1, $2, $3, $4, 'creating', $5, $6, $7, $8)",
        )
        .bind(attempt.id.as_str())
        .bind(attempt.teleconsultation.as_str())
        .bind(attempt.generation)
        .bind(attempt.spec_digest.as_str())
        .bind(millis(attempt.started_at))
        .bind(millis(lease_until))
        .bind(attempt.fence)
        .bind(&*vendor)
        .execute(self.connection())
        .await?;
        Ok(attempt)
    }

    /// Whether the attempt was not taken over. It cannot be before the transaction ends.
    pub async fn holds_attempt(&mut self, attempt: &Attempt) -> Result<bool> {
        let statement = sql!(self.dialect, "SELECT fence FROM attempts WHERE id = $1 AND state <> 'lost'", lock);
        let fence: Option<i64> =
            sqlx::query_scalar(statement).bind(attempt.id.as_str()).fetch_optional(self.connection()).await?;
        Ok(fence == Some(attempt.fence))
    }

    /// Begins the lease of an attempt again. `false` if the attempt was taken over.
    pub async fn renew_attempt(&mut self, attempt: &Attempt, lease: SignedDuration) -> Result<bool> {
        let until = self.now_plus(lease).await?;
        let done = sqlx::query("UPDATE attempts SET lease_until = $1 WHERE id = $2 AND fence = $3 AND state <> 'lost'")
            .bind(millis(until))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Records that the outcome of an attempt is unknown, and ends its lease.
    pub async fn mark_attempt_unknown(&mut self, attempt: &Attempt) -> Result<()> {
        let now = self.now().await?;
        sqlx::query("UPDATE attempts SET state = 'unknown', lease_until = $1 WHERE id = $2 AND fence = $3")
            .bind(millis(now))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Takes over attempts whose lease has ended, oldest first.
    pub async fn claim_attempts(&mut self, lease: SignedDuration, limit: u32) -> Result<Vec<Attempt>> {
        let (now, until, too_far) = self.lease(lease).await?;
        let (unreadable, vendor) = (Arc::clone(&self.unreadable), self.vendor());
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE vendor = $5 AND state <> 'lost' AND (lease_until <= $2 OR lease_until > $4) \
             ORDER BY lease_until LIMIT $3",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, spec_digest, started_at, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(millis(too_far))
        .bind(&*vendor)
        .fetch(self.connection());
        unreadable.leave_out("attempts", rows, attempt).await
    }

    /// As [`claim_attempts`](Self::claim_attempts), for one teleconsultation.
    pub async fn claim_attempts_of(
        &mut self,
        teleconsultation: &TeleconsultationId,
        lease: SignedDuration,
    ) -> Result<Vec<Attempt>> {
        let (now, until, too_far) = self.lease(lease).await?;
        let (unreadable, vendor) = (Arc::clone(&self.unreadable), self.vendor());
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE teleconsultation_id = $3 AND vendor = $5 AND state <> 'lost' \
             AND (lease_until <= $2 OR lease_until > $4)",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, spec_digest, started_at, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(teleconsultation.as_str())
        .bind(millis(too_far))
        .bind(&*vendor)
        .fetch(self.connection());
        unreadable.leave_out("attempts", rows, attempt).await
    }

    /// Ends an attempt without making its room a record's room. Does nothing if the attempt was taken over.
    pub async fn resolve_attempt(&mut self, attempt: &Attempt, resolution: AttemptResolution) -> Result<()> {
        if !self.holds_attempt(attempt).await? {
            return Ok(());
        }
        match resolution {
            AttemptResolution::NoRoom => self.delete_attempt(attempt).await,
            AttemptResolution::Discard(room) => {
                self.queue_room_unless_used(&room, Some(&attempt.teleconsultation)).await?;
                self.delete_attempt(attempt).await
            }
            AttemptResolution::Lost => {
                sqlx::query("UPDATE attempts SET state = 'lost' WHERE id = $1")
                    .bind(attempt.id.as_str())
                    .execute(self.connection())
                    .await?;
                Ok(())
            }
        }
    }

    /// Deletes an attempt, unless it was taken over.
    pub async fn delete_attempt(&mut self, attempt: &Attempt) -> Result<()> {
        sqlx::query("DELETE FROM attempts WHERE id = $1 AND fence = $2")
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Deletes lost attempts and returns their number. Not those whose last lease ended at `before` or later: until then the
    /// vendor may have been called.
    pub async fn delete_lost_attempts(&mut self, before: Timestamp) -> Result<u64> {
        let vendor = self.vendor();
        let done = sqlx::query("DELETE FROM attempts WHERE vendor = $1 AND state = 'lost' AND lease_until < $2")
            .bind(&*vendor)
            .bind(millis(before))
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected())
    }

    /// Queues the room of a lost attempt, which is not lost any more.
    pub async fn queue_lost_room(&mut self, attempt: &str, room: &RoomId) -> Result<()> {
        self.queue_room_unless_used(room, None).await?;
        sqlx::query("DELETE FROM attempts WHERE id = $1 AND state = 'lost'")
            .bind(attempt)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends all leases. Only for a database that no other process uses.
    pub async fn release_leases(&mut self) -> Result<()> {
        for statement in [
            "UPDATE attempts SET lease_until = 0 WHERE state <> 'lost'",
            "UPDATE keyed_requests SET lease_until = 0 WHERE done = 0",
        ] {
            sqlx::query(statement).execute(self.connection()).await?;
        }
        Ok(())
    }
}

/// Rooms that wait for deletion.
impl Tx {
    /// Queues a room for deletion at the vendor that it belongs to. A room that is queued already, or was deleted recently,
    /// stays as it is.
    pub async fn queue_room(&mut self, room: &RoomId, teleconsultation: Option<&TeleconsultationId>) -> Result<()> {
        let (due, vendor) = (self.now().await?, self.vendor());
        sqlx::query(
            "INSERT INTO retirements (room_id, teleconsultation_id, queued_at, failures, due_at, vendor) \
             VALUES ($1, $2, $3, 0, $3, COALESCE((SELECT vendor FROM rooms WHERE room_id = $1), $4)) \
             ON CONFLICT (room_id) DO NOTHING",
        )
        .bind(room.as_str())
        .bind(teleconsultation.map(TeleconsultationId::as_str))
        .bind(millis(due))
        .bind(&*vendor)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// As [`queue_room`](Self::queue_room), unless the room is a record's room: an instance that took the attempt over may
    /// have made it so.
    pub async fn queue_room_unless_used(
        &mut self,
        room: &RoomId,
        teleconsultation: Option<&TeleconsultationId>,
    ) -> Result<()> {
        let used = sqlx::query(
            "SELECT 1 FROM teleconsultations WHERE room_id = $1 \
             UNION ALL SELECT 1 FROM document_writes WHERE room_id = $1 AND state = 'writing'",
        )
        .bind(room.as_str())
        .fetch_optional(self.connection())
        .await?;
        if used.is_some() { Ok(()) } else { self.queue_room(room, teleconsultation).await }
    }

    /// Whether a room waits for deletion or was deleted recently.
    pub async fn is_room_queued(&mut self, room: &RoomId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM retirements WHERE room_id = $1")
            .bind(room.as_str())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.is_some())
    }

    /// Claims rooms whose deletion is due, longest due first. They fall due again when the lease ends.
    ///
    /// `max_wait` is the longest wait of a room that is not parked. One that is due later was queued before the clock was
    /// set back, and counts as due.
    pub async fn claim_retirements(
        &mut self,
        lease: SignedDuration,
        max_wait: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Retirement>> {
        let now = self.now().await?;
        let [until, too_far] =
            [lease, max_wait.max(lease)].map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        // A claim postpones: if its holder dies, the room falls due again.
        let (unreadable, vendor) = (Arc::clone(&self.unreadable), self.vendor());
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE retirements SET due_at = $1 WHERE room_id IN \
             (SELECT room_id FROM retirements WHERE vendor = $5 AND gone_at IS NULL AND (due_at <= $2 OR due_at > $4) \
             ORDER BY due_at LIMIT $3",
            skip_locked,
            ") RETURNING room_id, teleconsultation_id, failures"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(millis(too_far))
        .bind(&*vendor)
        .fetch(self.connection());
        unreadable.leave_out("retirements", rows, retirement).await
    }

    /// Removes a room from the queue: it is in use after all.
    pub async fn dequeue_room(&mut self, room: &RoomId) -> Result<()> {
        sqlx::query("DELETE FROM retirements WHERE room_id = $1")
            .bind(room.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Postpones a deletion. `failed` counts a failed attempt.
    pub async fn postpone_retirement(&mut self, room: &RoomId, wait: SignedDuration, failed: bool) -> Result<()> {
        let until = self.now_plus(wait).await?;
        sqlx::query(
            "UPDATE retirements SET failures = failures + $1, due_at = $2 WHERE room_id = $3 AND gone_at IS NULL",
        )
        .bind(i64::from(failed))
        .bind(millis(until))
        .bind(room.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends the deletion of a room that the vendor no longer has. It is remembered until
    /// [`forget_gone_rooms`](Self::forget_gone_rooms), so that it is recognized in a list that was read before.
    pub async fn end_retirement(&mut self, room: &RoomId) -> Result<()> {
        let now = self.now().await?;
        sqlx::query("UPDATE retirements SET gone_at = $1, due_at = NULL WHERE room_id = $2")
            .bind(millis(now))
            .bind(room.as_str())
            .execute(self.connection())
            .await?;
        sqlx::query("DELETE FROM rooms WHERE room_id = $1").bind(room.as_str()).execute(self.connection()).await?;
        Ok(())
    }

    /// Forgets rooms that were deleted longer ago than `kept_for`, or before the clock was set back by more than that.
    pub async fn forget_gone_rooms(&mut self, kept_for: SignedDuration) -> Result<()> {
        let (before, after) = (self.now_plus(-kept_for).await?, self.now_plus(kept_for).await?);
        sqlx::query("DELETE FROM retirements WHERE gone_at < $1 OR gone_at > $2")
            .bind(millis(before))
            .bind(millis(after))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Stops attempting a deletion.
    pub async fn park_retirement(&mut self, room: &RoomId) -> Result<()> {
        sqlx::query(
            "UPDATE retirements SET failures = failures + 1, due_at = NULL WHERE room_id = $1 AND gone_at IS NULL",
        )
        .bind(room.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Attempts all parked deletions again.
    pub async fn unpark_retirements(&mut self) -> Result<()> {
        let now = self.now().await?;
        sqlx::query("UPDATE retirements SET failures = 0, due_at = $1 WHERE due_at IS NULL AND gone_at IS NULL")
            .bind(millis(now))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
