//! Attempts to create rooms, and rooms that wait for deletion.

use std::collections::HashSet;

use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, moment, room_id, teleconsultation_id};
use super::{Read, Tx, json_array};
use crate::domain::ids::TeleconsultationId;
use crate::store::engine::dialect::sql;
use crate::store::{Attempt, AttemptResolution, Result, Retirement, StoreError};

fn attempt(row: &AnyRow) -> Result<Attempt> {
    Ok(Attempt {
        id: row.try_get("id")?,
        teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id")?)?,
        generation: row.try_get("generation")?,
        spec_digest: row.try_get("spec_digest")?,
        started_at: moment(row.try_get("started_at")?)?,
        lease_until: moment(row.try_get("lease_until")?)?,
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
    /// Those of the attempts that are open.
    pub async fn open_attempts(self, ids: &[&str]) -> Result<HashSet<String>> {
        let statement = sql!(self.dialect, "SELECT id FROM attempts WHERE state <> 'lost' AND id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(ids)?).fetch_all(self.pool).await?;
        Ok(found.into_iter().collect())
    }

    /// Those of the rooms that wait for deletion, or were deleted recently.
    pub async fn queued_rooms(self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let statement = sql!(self.dialect, "SELECT room_id FROM retirements WHERE room_id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(rooms)?).fetch_all(self.pool).await?;
        found.into_iter().map(room_id).collect()
    }

    /// When the next deletion is due.
    pub async fn next_retirement(self) -> Result<Option<Timestamp>> {
        let statement = "SELECT min(due_at) FROM retirements WHERE vendor = $1";
        let next: Option<i64> = sqlx::query_scalar(statement).bind(self.vendor).fetch_one(self.pool).await?;
        next.map(moment).transpose()
    }
}

/// Attempts.
impl Tx {
    /// Adds a new attempt.
    pub async fn add_attempt(&mut self, attempt: &Attempt) -> Result<()> {
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
        .bind(millis(attempt.lease_until))
        .bind(attempt.fence)
        .bind(&*vendor)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Whether the attempt was not taken over. It cannot be before the transaction ends.
    pub async fn holds_attempt(&mut self, attempt: &Attempt) -> Result<bool> {
        let statement = sql!(self.dialect, "SELECT fence FROM attempts WHERE id = $1 AND state <> 'lost'", lock);
        let fence: Option<i64> =
            sqlx::query_scalar(statement).bind(attempt.id.as_str()).fetch_optional(self.connection()).await?;
        Ok(fence == Some(attempt.fence))
    }

    /// Extends the lease of an attempt. `false` if the attempt was taken over.
    pub async fn renew_attempt(&mut self, attempt: &Attempt, until: Timestamp) -> Result<bool> {
        let done = sqlx::query("UPDATE attempts SET lease_until = $1 WHERE id = $2 AND fence = $3 AND state <> 'lost'")
            .bind(millis(until))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Records that the outcome of an attempt is unknown, and ends its lease.
    pub async fn mark_attempt_unknown(&mut self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE attempts SET state = 'unknown', lease_until = $1 WHERE id = $2 AND fence = $3")
            .bind(millis(now))
            .bind(attempt.id.as_str())
            .bind(attempt.fence)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Takes over attempts whose lease has ended, oldest first.
    pub async fn claim_attempts(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Attempt>> {
        let vendor = self.vendor();
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE vendor = $4 AND state <> 'lost' AND lease_until <= $2 \
              ORDER BY lease_until LIMIT $3",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, spec_digest, started_at, lease_until, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(&*vendor)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(attempt).collect()
    }

    /// As [`claim_attempts`](Self::claim_attempts), for one teleconsultation.
    pub async fn claim_attempts_of(
        &mut self,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Attempt>> {
        let vendor = self.vendor();
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE attempts SET lease_until = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM attempts WHERE teleconsultation_id = $3 AND vendor = $4 AND state <> 'lost' \
              AND lease_until <= $2",
            skip_locked,
            ") RETURNING id, teleconsultation_id, generation, spec_digest, started_at, lease_until, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(teleconsultation.as_str())
        .bind(&*vendor)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(attempt).collect()
    }

    /// Ends an attempt without making its room a record's room. Does nothing if the attempt was taken over.
    pub async fn resolve_attempt(
        &mut self,
        attempt: &Attempt,
        resolution: AttemptResolution,
        now: Timestamp,
    ) -> Result<()> {
        if !self.holds_attempt(attempt).await? {
            return Ok(());
        }
        match resolution {
            AttemptResolution::NoRoom => self.delete_attempt(attempt).await,
            AttemptResolution::Discard(room) => {
                self.queue_room_unless_used(&room, Some(&attempt.teleconsultation), now).await?;
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
    pub async fn queue_lost_room(&mut self, attempt: &str, room: &RoomId, now: Timestamp) -> Result<()> {
        self.queue_room_unless_used(room, None, now).await?;
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
    pub async fn queue_room(
        &mut self,
        room: &RoomId,
        teleconsultation: Option<&TeleconsultationId>,
        due: Timestamp,
    ) -> Result<()> {
        let vendor = self.vendor();
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
        now: Timestamp,
    ) -> Result<()> {
        let used = sqlx::query("SELECT 1 FROM teleconsultations WHERE room_id = $1")
            .bind(room.as_str())
            .fetch_optional(self.connection())
            .await?;
        if used.is_some() { Ok(()) } else { self.queue_room(room, teleconsultation, now).await }
    }

    /// Whether a room waits for deletion or was deleted recently.
    pub async fn is_room_queued(&mut self, room: &RoomId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM retirements WHERE room_id = $1")
            .bind(room.as_str())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.is_some())
    }

    /// Queues rooms that a change of a record elsewhere may leave behind, before the change is made. They fall due at `due`,
    /// unless the change is resolved earlier, and are deleted only if no record has them then.
    ///
    /// The first room is the one that the attempt brings, if there is an attempt. The result is whether this room can still
    /// become a record's: the attempt must not have been taken over, and the room not be queued. If it cannot, nothing is
    /// queued.
    pub async fn schedule_tentative_retirement(
        &mut self,
        attempt: Option<&Attempt>,
        rooms: &[RoomId],
        teleconsultation: &TeleconsultationId,
        due: Timestamp,
    ) -> Result<bool> {
        if let (Some(attempt), [room, ..]) = (attempt, rooms)
            && (!self.holds_attempt(attempt).await? || self.is_room_queued(room).await?)
        {
            return Ok(false);
        }
        if let (Some(attempt), [room, ..]) = (attempt, rooms) {
            self.add_room(room, &attempt.id).await?;
        }
        for room in rooms {
            self.queue_room(room, Some(teleconsultation), due).await?;
        }
        Ok(true)
    }

    /// Records the outcome of a change of a record elsewhere: `kept` is its room now, and `gone` is no record's room.
    pub async fn resolve_retirement(
        &mut self,
        kept: Option<&RoomId>,
        gone: Option<&RoomId>,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
    ) -> Result<()> {
        if let Some(room) = kept {
            self.dequeue_room(room).await?;
        }
        if let Some(room) = gone {
            self.queue_room(room, Some(teleconsultation), now).await?;
            sqlx::query("UPDATE retirements SET due_at = $1 WHERE room_id = $2 AND gone_at IS NULL")
                .bind(millis(now))
                .bind(room.as_str())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Claims rooms whose deletion is due, longest due first. They fall due again at `until`.
    pub async fn claim_retirements(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Retirement>> {
        let vendor = self.vendor();
        // A claim postpones: if its holder dies, the room falls due again.
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE retirements SET due_at = $1 WHERE room_id IN \
             (SELECT room_id FROM retirements WHERE vendor = $4 AND due_at <= $2 AND gone_at IS NULL \
              ORDER BY due_at LIMIT $3",
            skip_locked,
            ") RETURNING room_id, teleconsultation_id, failures"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(&*vendor)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(retirement).collect()
    }

    /// Removes a room from the queue: it is in use after all.
    pub async fn dequeue_room(&mut self, room: &RoomId) -> Result<()> {
        sqlx::query("DELETE FROM retirements WHERE room_id = $1")
            .bind(room.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends the deletion of a room that the vendor no longer has. It is remembered until
    /// [`forget_gone_rooms`](Self::forget_gone_rooms), so that it is recognized in a list that was read before.
    pub async fn end_retirement(&mut self, room: &RoomId, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE retirements SET gone_at = $1, due_at = NULL WHERE room_id = $2")
            .bind(millis(now))
            .bind(room.as_str())
            .execute(self.connection())
            .await?;
        sqlx::query("DELETE FROM rooms WHERE room_id = $1").bind(room.as_str()).execute(self.connection()).await?;
        Ok(())
    }

    /// Forgets rooms that were deleted before this moment.
    pub async fn forget_gone_rooms(&mut self, before: Timestamp) -> Result<()> {
        sqlx::query("DELETE FROM retirements WHERE gone_at < $1")
            .bind(millis(before))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Postpones a deletion. `failed` counts a failed attempt.
    pub async fn postpone_retirement(&mut self, room: &RoomId, until: Timestamp, failed: bool) -> Result<()> {
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
    pub async fn unpark_retirements(&mut self, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE retirements SET failures = 0, due_at = $1 WHERE due_at IS NULL AND gone_at IS NULL")
            .bind(millis(now))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
