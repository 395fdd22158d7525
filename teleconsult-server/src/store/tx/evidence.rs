//! What is known about rooms and records before something is destroyed: which vendor a room belongs to, which rooms seem to
//! be orphans, how far the vendor's list was read, where the records were kept, and how much is unresolved.

use std::collections::HashSet;

use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, moment, room_id};
use super::{Read, Tx, json_array};
use crate::store::engine::dialect::sql;
use crate::store::{JournalCounts, Result, Suspect, SweepPass};

fn suspect(row: &AnyRow) -> Result<Suspect> {
    Ok(Suspect {
        room: room_id(row.try_get("room_id")?)?,
        first_seen_at: moment(row.try_get("first_seen_at")?)?,
        last_seen_at: moment(row.try_get("last_seen_at")?)?,
    })
}

fn pass(row: &AnyRow) -> Result<SweepPass> {
    Ok(SweepPass {
        started_at: moment(row.try_get("started_at")?)?,
        next_offset: row.try_get::<i64, _>("next_offset")?.unsigned_abs(),
        needed: row.try_get::<i64, _>("needed")?.unsigned_abs(),
    })
}

impl Read<'_> {
    /// The number of open entries of the journal.
    pub async fn journal_counts(self) -> Result<JournalCounts> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM attempts WHERE vendor = $1 AND state <> 'lost') AS open, \
                    (SELECT count(*) FROM attempts WHERE vendor = $1 AND state = 'lost') AS lost, \
                    (SELECT count(*) FROM retirements WHERE vendor = $1 AND due_at IS NOT NULL) AS queued, \
                    (SELECT count(*) FROM retirements \
                     WHERE vendor = $1 AND due_at IS NULL AND gone_at IS NULL) AS parked, \
                    (SELECT count(*) FROM document_writes WHERE state = 'writing') AS writes, \
                    (SELECT count(*) FROM suspects WHERE vendor = $1) AS suspects, \
                    (SELECT count(*) FROM attempts WHERE vendor <> $1) + \
                    (SELECT count(*) FROM retirements WHERE vendor <> $1 AND gone_at IS NULL) AS elsewhere",
        )
        .bind(self.vendor)
        .fetch_one(self.pool)
        .await?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(JournalCounts {
            open_attempts: count("open")?,
            pending_retirements: count("queued")?,
            parked_retirements: count("parked")?,
            possible_leaks: count("lost")?,
            open_writes: count("writes")?,
            unreadable_rows: self.unreadable.count(),
            suspects: count("suspects")?,
            of_other_vendors: count("elsewhere")?,
        })
    }

    /// Those of the attempts whose room was never found.
    pub async fn lost_attempts(self, ids: &[&str]) -> Result<HashSet<String>> {
        let statement = sql!(self.dialect, "SELECT id FROM attempts WHERE state = 'lost' AND id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(ids)?).fetch_all(self.pool).await?;
        Ok(found.into_iter().collect())
    }

    /// The attempt that a record's room came from. `None` if this service did not create it, or at another vendor.
    pub async fn attempt_of_room(self, room: &RoomId) -> Result<Option<String>> {
        let statement = "SELECT attempt_id FROM rooms WHERE room_id = $1 AND vendor = $2";
        let attempt = sqlx::query_scalar(statement).bind(room.as_str()).bind(self.vendor);
        Ok(attempt.fetch_optional(self.pool).await?)
    }

    /// The rooms of this vendor that seem to be orphans, longest known first.
    pub async fn suspects(self) -> Result<Vec<Suspect>> {
        let statement =
            "SELECT room_id, first_seen_at, last_seen_at FROM suspects WHERE vendor = $1 ORDER BY first_seen_at";
        let rows = sqlx::query(statement).bind(self.vendor).fetch_all(self.pool).await?;
        rows.iter().map(suspect).collect()
    }

    /// The pass through this vendor's list that is not finished, if there is one.
    pub async fn sweep_pass(self) -> Result<Option<SweepPass>> {
        let statement = "SELECT started_at, next_offset, needed FROM sweep_passes WHERE vendor = $1";
        let row = sqlx::query(statement).bind(self.vendor).fetch_optional(self.pool).await?;
        row.as_ref().map(pass).transpose()
    }

    /// Where the records were kept when this was last confirmed.
    pub async fn records_place(self) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("SELECT records_place FROM deployment").fetch_one(self.pool).await?)
    }
}

impl Tx {
    /// Records that the room of an attempt was given to a record.
    pub async fn add_room(&mut self, room: &RoomId, attempt: &str) -> Result<()> {
        let statement =
            "INSERT INTO rooms (room_id, attempt_id, vendor) VALUES ($1, $2, $3) ON CONFLICT (room_id) DO NOTHING";
        let vendor = self.vendor();
        sqlx::query(statement).bind(room.as_str()).bind(attempt).bind(&*vendor).execute(self.connection()).await?;
        Ok(())
    }

    /// Records that a sweep saw these rooms without a record. If the clock was set back, this is the first time.
    pub async fn add_suspects(&mut self, rooms: &[RoomId], now: Timestamp) -> Result<()> {
        let vendor = self.vendor();
        for room in rooms {
            sqlx::query(
                "INSERT INTO suspects (room_id, vendor, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $3) \
                 ON CONFLICT (room_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, first_seen_at = \
                 CASE WHEN suspects.first_seen_at > excluded.last_seen_at THEN excluded.first_seen_at \
                 ELSE suspects.first_seen_at END",
            )
            .bind(room.as_str())
            .bind(&*vendor)
            .bind(millis(now))
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Clears rooms that are needed, or queued for deletion.
    pub async fn clear_suspects(&mut self, rooms: &[RoomId]) -> Result<()> {
        let statement = sql!(self.dialect, "DELETE FROM suspects WHERE room_id IN ", ids);
        sqlx::query(statement).bind(json_array(rooms)?).execute(self.connection()).await?;
        Ok(())
    }

    /// Clears rooms of this vendor that were not seen since a pass began: the vendor no longer has them.
    pub async fn clear_unseen_suspects(&mut self, pass_started_at: Timestamp) -> Result<()> {
        let vendor = self.vendor();
        sqlx::query("DELETE FROM suspects WHERE vendor = $1 AND last_seen_at < $2")
            .bind(&*vendor)
            .bind(millis(pass_started_at))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Records how far the list was read.
    pub async fn save_pass(&mut self, pass: SweepPass) -> Result<()> {
        let vendor = self.vendor();
        sqlx::query(
            "INSERT INTO sweep_passes (vendor, started_at, next_offset, needed) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (vendor) DO UPDATE SET started_at = excluded.started_at, \
             next_offset = excluded.next_offset, needed = excluded.needed",
        )
        .bind(&*vendor)
        .bind(millis(pass.started_at))
        .bind(i64::try_from(pass.next_offset).unwrap_or(i64::MAX))
        .bind(i64::try_from(pass.needed).unwrap_or(i64::MAX))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a pass: the next one starts at the beginning of the list.
    pub async fn end_pass(&mut self) -> Result<()> {
        let vendor = self.vendor();
        sqlx::query("DELETE FROM sweep_passes WHERE vendor = $1").bind(&*vendor).execute(self.connection()).await?;
        Ok(())
    }

    /// Records where the records are kept. What sweeps saw while they were elsewhere is forgotten.
    pub async fn set_records_place(&mut self, place: &str) -> Result<()> {
        sqlx::query("UPDATE deployment SET records_place = $1").bind(place).execute(self.connection()).await?;
        self.forget_looks().await
    }

    /// Forgets what sweeps saw.
    pub async fn forget_looks(&mut self) -> Result<()> {
        for statement in ["DELETE FROM suspects", "DELETE FROM sweep_passes"] {
            sqlx::query(statement).execute(self.connection()).await?;
        }
        Ok(())
    }
}
