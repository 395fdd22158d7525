//! Removes teleconsultations that have been over for a long time.
//!
//! In two steps, because a room outlives its appointment: first the teleconsultation moves to the trash and its room is queued
//! for deletion; when the room is gone, the row is deleted. Rows of the journal need no step of their own. An open attempt or
//! a queued room keeps the record, and an idempotency key is removed a day after its request, which no record that is removed
//! here has had for a day.

use std::sync::Arc;

use bandyer_client::RoomId;
use jiff::SignedDuration;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, room_id, teleconsultation_id};
use super::{Tx, json_array, participants};
use crate::domain::ids::TeleconsultationId;
use crate::store::Result;
use crate::store::engine::dialect::sql;

struct Ended {
    id: TeleconsultationId,
    room: Option<RoomId>,
    participants: String,
}

fn ended(row: &AnyRow) -> Result<Ended> {
    Ok(Ended {
        id: teleconsultation_id(row.try_get("id")?)?,
        room: row.try_get::<Option<String>, _>("room_id")?.map(room_id).transpose()?,
        participants: row.try_get("participants")?,
    })
}

impl Tx {
    /// Moves teleconsultations to the trash that ended and were last changed longer ago than `kept_for`, and queues their
    /// rooms for deletion. The result is how many.
    ///
    /// They count as being in the trash since their end, so that they are not kept for as long once more.
    pub async fn trash_ended(&mut self, kept_for: SignedDuration, limit: u32) -> Result<u32> {
        let before = self.now_plus(-kept_for).await?;
        let statement = sql!(
            self.dialect,
            "SELECT id, room_id, participants FROM teleconsultations \
             WHERE trashed_at IS NULL AND ends_at < $1 AND updated_at < $1 ORDER BY ends_at LIMIT $2",
            skip_locked,
            ""
        );
        let unreadable = Arc::clone(&self.unreadable);
        let rows = sqlx::query(statement).bind(millis(before)).bind(i64::from(limit)).fetch(self.connection());
        let ended = unreadable.leave_out("teleconsultations", rows, ended).await?;
        for Ended { id, room, participants } in &ended {
            if let Some(room) = room {
                self.queue_room(room, Some(id)).await?;
            }
            sqlx::query(
                "UPDATE teleconsultations SET version = version + 1, generation = generation + 1, room_id = NULL, \
                 participants = $1, trashed_at = ends_at WHERE id = $2",
            )
            .bind(participants::without_links(participants))
            .bind(id.as_str())
            .execute(self.connection())
            .await?;
        }
        Ok(u32::try_from(ended.len()).unwrap_or(u32::MAX))
    }

    /// Deletes teleconsultations that have been in the trash for longer than `kept_for`, with their lost attempts. One with an open
    /// attempt or a queued room stays until that is done. The result is how many.
    pub async fn remove_trashed(&mut self, kept_for: SignedDuration, limit: u32) -> Result<u32> {
        let before = self.now_plus(-kept_for).await?;
        let statement = sql!(
            self.dialect,
            "SELECT id FROM teleconsultations WHERE trashed_at < $1 \
             AND NOT EXISTS \
             (SELECT 1 FROM retirements WHERE teleconsultation_id = teleconsultations.id AND gone_at IS NULL) \
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
