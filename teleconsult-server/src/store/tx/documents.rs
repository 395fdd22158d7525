//! What the journal knows of documents in the CRUD Service.

use std::collections::HashSet;
use std::sync::Arc;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, moment, room_id, teleconsultation_id};
use super::{Read, Tx, json_array};
use crate::base::clock::Clock;
use crate::domain::ids::TeleconsultationId;
use crate::store::engine::dialect::sql;
use crate::store::journal::{DocumentState, DocumentWrite, WriteKind};
use crate::store::{Cas, Result, StoreError};

fn write(row: &AnyRow) -> Result<DocumentWrite> {
    let room = |name: &str| row.try_get::<Option<String>, _>(name)?.map(room_id).transpose();
    Ok(DocumentWrite {
        id: row.try_get("id")?,
        kind: WriteKind::parse(row.try_get("kind")?).ok_or(StoreError::corrupt("a stored write cannot be read"))?,
        teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id")?)?,
        room: room("room_id")?,
        replaced: room("replaced_room_id")?,
        content: row.try_get("content")?,
        is_abandoned: row.try_get::<&str, _>("state")? == "abandoned",
        started_at: moment(row.try_get("started_at")?)?,
        fence: row.try_get("fence")?,
    })
}

impl Read<'_> {
    /// What is known of a document.
    pub(in crate::store) async fn document(self, id: &TeleconsultationId) -> Result<DocumentState> {
        let injected_now = self.clock.map(Clock::now);
        let row = sqlx::query(sql!(
            self.dialect,
            "SELECT (SELECT generation FROM documents WHERE id = $1) AS generation, \
             (SELECT count(*) FROM document_writes WHERE teleconsultation_id = $1 AND state = 'writing') AS writes",
            read_at,
            ""
        ))
        .bind(id.as_str())
        .fetch_one(self.pool)
        .await?;
        state(&row, injected_now)
    }

    /// Those of the rooms that were last stored in a document.
    pub(in crate::store) async fn rooms_of_documents(self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let statement = sql!(self.dialect, "SELECT room_id FROM documents WHERE room_id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(rooms)?).fetch_all(self.pool).await?;
        found.into_iter().map(room_id).collect()
    }

    /// Whether another write with this content is in progress.
    pub(in crate::store) async fn is_content_being_written(self, content: &str, except: &str) -> Result<bool> {
        let statement = "SELECT count(*) FROM document_writes WHERE state = 'writing' AND content = $1 AND id <> $2";
        let count: i64 = sqlx::query_scalar(statement).bind(content).bind(except).fetch_one(self.pool).await?;
        Ok(count > 0)
    }

    /// Those of the documents that are known.
    pub(in crate::store) async fn known_documents(self, ids: &[&str]) -> Result<HashSet<String>> {
        let statement = sql!(self.dialect, "SELECT id FROM documents WHERE id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(ids)?).fetch_all(self.pool).await?;
        Ok(found.into_iter().collect())
    }
}

fn state(row: &AnyRow, injected_now: Option<Timestamp>) -> Result<DocumentState> {
    Ok(DocumentState {
        generation: row.try_get::<Option<i64>, _>("generation")?.unwrap_or(0),
        is_changing: row.try_get::<i64, _>("writes")? > 0,
        at: match injected_now {
            Some(now) => now,
            None => moment(row.try_get("read_at")?)?,
        },
    })
}

impl Tx {
    /// Waits for transactions that are changing what is known of a document, and keeps others from it.
    pub(in crate::store) async fn lock_document(&mut self, id: &TeleconsultationId) -> Result<()> {
        sqlx::query(
            "INSERT INTO documents (id, generation) VALUES ($1, 0) \
             ON CONFLICT (id) DO UPDATE SET generation = documents.generation",
        )
        .bind(id.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Moves a document on to a generation, or leaves it in its own, if it still has `generation` and the decision still
    /// holds.
    pub(in crate::store) async fn advance_document(
        &mut self,
        id: &TeleconsultationId,
        generation: i64,
        next: i64,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        self.lock_document(id).await?;
        let done = sqlx::query(sql!(
            self.dialect,
            "UPDATE documents SET generation = $1 WHERE id = $2 AND generation = $3 AND ",
            before("$4", "$5")
        ))
        .bind(next)
        .bind(id.as_str())
        .bind(generation)
        .bind(valid_until.map(millis))
        .bind(self.injected_now())
        .execute(self.connection())
        .await?;
        self.cas(done.rows_affected(), valid_until).await
    }

    /// Records which room a document has.
    pub(in crate::store) async fn store_document(
        &mut self,
        id: &TeleconsultationId,
        generation: i64,
        room: Option<&RoomId>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO documents (id, generation, room_id) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET room_id = excluded.room_id",
        )
        .bind(id.as_str())
        .bind(generation)
        .bind(room.map(RoomId::as_str))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes what is known of a document, which is in the trash.
    pub(in crate::store) async fn forget_document(&mut self, id: &TeleconsultationId) -> Result<()> {
        sqlx::query("DELETE FROM documents WHERE id = $1").bind(id.as_str()).execute(self.connection()).await?;
        Ok(())
    }

    /// Records that a write begins. It is due when its outcome should be known.
    pub(in crate::store) async fn begin_document_write(
        &mut self,
        write: &DocumentWrite,
        grace: SignedDuration,
    ) -> Result<()> {
        let now = self.now().await?;
        sqlx::query(
            "INSERT INTO document_writes (id, kind, teleconsultation_id, room_id, replaced_room_id, content, state, \
             started_at, due_at, fence) VALUES ($1, $2, $3, $4, $5, $6, 'writing', $7, $8, $9)",
        )
        .bind(write.id.as_str())
        .bind(write.kind.as_str())
        .bind(write.teleconsultation.as_str())
        .bind(write.room.as_ref().map(RoomId::as_str))
        .bind(write.replaced.as_ref().map(RoomId::as_str))
        .bind(write.content.as_deref())
        .bind(millis(now))
        .bind(millis(now.saturating_add(grace).unwrap_or(Timestamp::MAX)))
        .bind(write.fence)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Records that the outcome of a write is known. `false` if another holder has taken it over.
    pub(in crate::store) async fn end_document_write(&mut self, write: &DocumentWrite) -> Result<bool> {
        let done = sqlx::query("DELETE FROM document_writes WHERE id = $1 AND fence = $2")
            .bind(write.id.as_str())
            .bind(write.fence)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes from a write the room that it removes. `false` if another holder has taken the write over.
    pub(in crate::store) async fn release_replaced(&mut self, write: &DocumentWrite) -> Result<bool> {
        let done = sqlx::query("UPDATE document_writes SET replaced_room_id = NULL WHERE id = $1 AND fence = $2")
            .bind(write.id.as_str())
            .bind(write.fence)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives a write up: if it takes effect after all, it is undone. It is looked for again after `wait`.
    pub(in crate::store) async fn abandon_document_write(
        &mut self,
        write: &DocumentWrite,
        wait: SignedDuration,
    ) -> Result<bool> {
        let due = self.now_plus(wait).await?;
        let done =
            sqlx::query("UPDATE document_writes SET state = 'abandoned', due_at = $1 WHERE id = $2 AND fence = $3")
                .bind(millis(due))
                .bind(write.id.as_str())
                .bind(write.fence)
                .execute(self.connection())
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes over writes that are due. They are due again after `lease`.
    ///
    /// `max_wait` is the longest wait. A write that is due later began before the clock was set back, and counts as due.
    pub(in crate::store) async fn claim_document_writes(
        &mut self,
        lease: SignedDuration,
        max_wait: SignedDuration,
        limit: u32,
    ) -> Result<Vec<DocumentWrite>> {
        let now = self.now().await?;
        let [until, too_far] = [lease, max_wait].map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        let unreadable = Arc::clone(&self.unreadable);
        let rows = sqlx::query(sql!(
            self.dialect,
            "UPDATE document_writes SET due_at = $1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM document_writes WHERE due_at <= $2 OR due_at > $4 LIMIT $3",
            skip_locked,
            ") RETURNING id, kind, teleconsultation_id, room_id, replaced_room_id, content, state, started_at, fence"
        ))
        .bind(millis(until))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(millis(too_far))
        .fetch(self.connection());
        unreadable.leave_out("document_writes", rows, write).await
    }

    /// Takes over the writes of one teleconsultation, whether they are due or not.
    pub(in crate::store) async fn claim_document_writes_of(
        &mut self,
        teleconsultation: &TeleconsultationId,
        lease: SignedDuration,
    ) -> Result<Vec<DocumentWrite>> {
        let until = self.now_plus(lease).await?;
        let unreadable = Arc::clone(&self.unreadable);
        let rows = sqlx::query(
            "UPDATE document_writes SET due_at = $1, fence = fence + 1 WHERE teleconsultation_id = $2 \
             RETURNING id, kind, teleconsultation_id, room_id, replaced_room_id, content, state, started_at, fence",
        )
        .bind(millis(until))
        .bind(teleconsultation.as_str())
        .fetch(self.connection());
        unreadable.leave_out("document_writes", rows, write).await
    }

    /// Takes over a write if it was given up.
    pub(in crate::store) async fn claim_abandoned_write(
        &mut self,
        id: &str,
        lease: SignedDuration,
    ) -> Result<Option<DocumentWrite>> {
        let until = self.now_plus(lease).await?;
        let row = sqlx::query(
            "UPDATE document_writes SET due_at = $1, fence = fence + 1 WHERE id = $2 AND state = 'abandoned' \
             RETURNING id, kind, teleconsultation_id, room_id, replaced_room_id, content, state, started_at, fence",
        )
        .bind(millis(until))
        .bind(id)
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(write).transpose()
    }

    /// Replaces the id that stood for a new document by the one that the CRUD Service has chosen.
    pub(in crate::store) async fn rename_keyed(
        &mut self,
        from: &TeleconsultationId,
        to: &TeleconsultationId,
    ) -> Result<()> {
        sqlx::query("UPDATE keyed_requests SET teleconsultation_id = $1 WHERE teleconsultation_id = $2")
            .bind(to.as_str())
            .bind(from.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
