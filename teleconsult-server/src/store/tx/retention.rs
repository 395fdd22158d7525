//! Removes teleconsultations that are over for long.
//!
//! In two steps, because a room outlives its appointment: first the teleconsultation moves to the trash and its room is queued
//! for deletion; when the room is gone, the row is deleted. Rows of the journal need no step of their own. An open attempt or
//! a queued room keeps the record, and an idempotency key is removed a day after its request, which no record that is removed
//! here has had for a day.

use jiff::Timestamp;
use sqlx::Row;

use super::values::millis;
use super::{Tx, json_array, participants};
use crate::store::Result;
use crate::store::engine::dialect::sql;

impl Tx {
    /// Moves teleconsultations to the trash that ended and were last changed before a moment, and queues their rooms for
    /// deletion at `now`. The result is how many.
    ///
    /// They count as being in the trash since their end, so that they are not kept for as long once more.
    pub async fn trash_ended(&mut self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u32> {
        let statement = sql!(
            self.dialect,
            "SELECT id, room_id, participants FROM teleconsultations \
             WHERE trashed_at IS NULL AND ends_at < $1 AND updated_at < $1 ORDER BY ends_at LIMIT $2",
            skip_locked,
            ""
        );
        let rows =
            sqlx::query(statement).bind(millis(before)).bind(i64::from(limit)).fetch_all(self.connection()).await?;
        // Ids stay text: a row that cannot be read as a teleconsultation ends too.
        for row in &rows {
            let id: &str = row.try_get("id")?;
            if let Some(room) = row.try_get::<Option<&str>, _>("room_id")? {
                sqlx::query(
                    "INSERT INTO retirements (room_id, teleconsultation_id, queued_at, failures, due_at) \
                     VALUES ($1, $2, $3, 0, $3) ON CONFLICT (room_id) DO NOTHING",
                )
                .bind(room)
                .bind(id)
                .bind(millis(now))
                .execute(self.connection())
                .await?;
            }
            sqlx::query(
                "UPDATE teleconsultations SET version = version + 1, generation = generation + 1, room_id = NULL, \
                 participants = $1, trashed_at = ends_at WHERE id = $2",
            )
            .bind(participants::without_links(row.try_get("participants")?))
            .bind(id)
            .execute(self.connection())
            .await?;
        }
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }

    /// Deletes teleconsultations that are in the trash since before a moment, with their lost attempts. One with an open
    /// attempt or a queued room stays until that is done. The result is how many.
    pub async fn remove_trashed(&mut self, before: Timestamp, limit: u32) -> Result<u32> {
        let statement = sql!(
            self.dialect,
            "SELECT id FROM teleconsultations WHERE trashed_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM retirements WHERE teleconsultation_id = teleconsultations.id) \
             AND NOT EXISTS (SELECT 1 FROM attempts WHERE teleconsultation_id = teleconsultations.id AND state <> 'lost') \
             ORDER BY trashed_at LIMIT $2",
            skip_locked,
            ""
        );
        let ids: Vec<String> = sqlx::query_scalar(statement)
            .bind(millis(before))
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        let list = json_array(&ids)?;
        for statement in [
            sql!(self.dialect, "DELETE FROM attempts WHERE teleconsultation_id IN ", ids),
            sql!(self.dialect, "DELETE FROM teleconsultations WHERE id IN ", ids),
        ] {
            sqlx::query(statement).bind(list.as_str()).execute(self.connection()).await?;
        }
        Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
    }
}
