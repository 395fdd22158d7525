//! Writes to the CRUD Service.
//!
//! The CRUD Service has no transactions, and a response can be lost. So each write is recorded in the journal before it is
//! sent, in the transaction that checks what it depends on, and its outcome is recorded afterwards, in the transaction that
//! queues the rooms it leaves behind. A write whose outcome is unknown stays recorded, and `recovery` resolves it.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::CrudServiceRecords;
use super::changes::Change;
use super::client::{LIVE, LIVE_OR_TRASHED, id_of, unreadable};
use super::document::{self, Document};
use crate::domain::ids::TeleconsultationId;
use crate::domain::teleconsultation::Teleconsultation;
use crate::platform::UpstreamError;
use crate::store::held_key::HeldKey;
use crate::store::journal::{DocumentWrite, WriteKind};
use crate::store::{Attempt, Cas, Result, StoreError, crash_point};

/// How often a change is sent if the outcome is unknown and the document unchanged.
const SENDS: u32 = 2;

/// What became of a change that depends on the document being as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Applied,
    /// Another writer was first.
    Refused,
    /// Another writer has changed the document, and a lost response leaves open whether it did so before or afterwards.
    Overtaken,
}

/// A write that is about to begin.
pub(super) fn new_write(kind: WriteKind, teleconsultation: &TeleconsultationId) -> DocumentWrite {
    DocumentWrite {
        id: uuid::Uuid::now_v7().simple().to_string(),
        kind,
        teleconsultation: teleconsultation.clone(),
        room: None,
        replaced: None,
        content: None,
        is_abandoned: false,
        // The journal records its own time.
        started_at: Timestamp::UNIX_EPOCH,
        fence: 1,
    }
}

impl CrudServiceRecords {
    /// Records a write to a document, if the document still has this generation and the decision still holds.
    pub(super) async fn begin_write(
        &self,
        write: &DocumentWrite,
        generation: i64,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        let (write, grace) = (write.clone(), self.settings.write_grace);
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    let id = &write.teleconsultation;
                    let advanced = tx.advance_document(id, generation, generation, valid_until).await?;
                    if advanced == Cas::Applied(()) {
                        tx.begin_document_write(&write, grace).await?;
                    }
                    Ok(advanced)
                })
            })
            .await
    }

    /// Replaces an attempt by the write that stores its room, if the attempt was not taken over. If the room cannot become
    /// the record's, because `is_changed` or for what the journal knows, it is queued for deletion.
    pub(super) async fn exchange(
        &self,
        attempt: &Attempt,
        write: &DocumentWrite,
        is_changed: bool,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        let room = write.room.clone().ok_or(StoreError::corrupt("a write without a room replaces no attempt"))?;
        let (attempt, write, grace) = (attempt.clone(), write.clone(), self.settings.write_grace);
        let key = HeldKey::current();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    let (id, generation) = (&write.teleconsultation, attempt.generation);
                    let exchanged =
                        if is_changed || !tx.holds_attempt(&attempt).await? || tx.is_room_queued(&room).await? {
                            Cas::Stale
                        } else if write.kind == WriteKind::Insert {
                            if key.admits(tx, id).await? { Cas::Applied(()) } else { Cas::Stale }
                        } else {
                            tx.advance_document(id, generation, generation, valid_until).await?
                        };
                    if exchanged == Cas::Applied(()) {
                        tx.add_room(&room, &attempt.id).await?;
                        tx.begin_document_write(&write, grace).await?;
                    } else {
                        tx.queue_room_unless_used(&room, Some(id)).await?;
                    }
                    tx.delete_attempt(&attempt).await?;
                    Ok(exchanged)
                })
            })
            .await
    }

    /// Sends a change of a document, and records its outcome. `record` is what the change makes of the document.
    pub(super) async fn send_change(
        &self,
        write: &DocumentWrite,
        read: &Document,
        change: &Change,
        record: &Teleconsultation,
    ) -> Result<Cas> {
        crash_point!("D1");
        let sent = self.apply(&record.id, read, change).await;
        crash_point!("D2");
        match sent {
            Ok(Sent::Applied) => {
                self.applied(write, &record.id, record.room.as_ref()).await?;
                Ok(Cas::Applied(()))
            }
            Ok(Sent::Refused) => {
                self.refused(write).await?;
                Ok(Cas::Stale)
            }
            Ok(Sent::Overtaken) => {
                self.resolve_update(write).await?;
                Ok(Cas::Stale)
            }
            Err(error) => Err(self.failed(write, error).await),
        }
    }

    /// Applies a change to a document that is still as it was read.
    ///
    /// If the response is lost, the document shows whether it is what the change makes of it. If it was not changed at all,
    /// the change is sent again, which is safe because the compare-and-set succeeds only once.
    async fn apply(&self, id: &TeleconsultationId, read: &Document, change: &Change) -> Result<Sent> {
        let segments = [self.settings.records.as_str(), id.as_str()];
        let query = [("_q", read.filter().to_string())];
        let body = change.commands();
        let mut lost = None;
        for _ in 0..SENDS {
            let error = match self.client.call(Method::PATCH, &segments, &query, Some(&body)).await {
                Ok(Some(_)) => return Ok(Sent::Applied),
                // After a lost response, perhaps because that one took effect.
                Ok(None) => match lost {
                    None => return Ok(Sent::Refused),
                    Some(lost) => lost,
                },
                Err(error) => match lost {
                    None if error.is_ambiguous() => error,
                    None => return Err(error.into()),
                    Some(lost) => lost,
                },
            };
            match self.client.document(&self.settings.records, id, "PUBLIC").await {
                Ok(Some(now)) if change.is_applied(&now) => return Ok(Sent::Applied),
                Ok(Some(now)) if now.version() == read.version() => lost = Some(error),
                Ok(_) => return Ok(Sent::Overtaken),
                // Still unknown, whatever this error is.
                Err(_) => return Err(error.into()),
            }
        }
        Err(lost.map_or_else(unreadable, StoreError::from))
    }

    /// Stores a new document whose write is recorded, and returns its id. `Cas::Stale` if the write was taken over.
    pub(super) async fn send_document(
        &self,
        write: &DocumentWrite,
        record: &Teleconsultation,
    ) -> Result<Cas<TeleconsultationId>> {
        crash_point!("D1");
        let body = document::new_document(record, self.schema());
        let sent = self.client.call(Method::POST, &[&self.settings.records, ""], &[], Some(&body)).await;
        crash_point!("D2");
        let id = match sent {
            Ok(stored) => id_of(&stored.ok_or_else(unreadable)?)?,
            Err(error) if error.is_ambiguous() => match self.find_own(write).await {
                Ok(Some(id)) => id,
                // Still unknown.
                Ok(None) | Err(_) => return Err(error.into()),
            },
            Err(error) => return Err(self.failed(write, error.into()).await),
        };
        if self.applied(write, &id, record.room.as_ref()).await? {
            return Ok(Cas::Applied(id));
        }
        // The write was taken over. Either its document was found, or the write was given up and the document is not to stay.
        Ok(if self.end_taken_over(write, &id).await? { Cas::Applied(id) } else { Cas::Stale })
    }

    /// The document that a write has added, if it cannot be that of another.
    pub(super) async fn find_own(&self, write: &DocumentWrite) -> Result<Option<TeleconsultationId>> {
        let Some(found) = self.find_new(write).await? else { return Ok(None) };
        let id = id_of(&found)?;
        Ok(if self.may_be_of_another(write, &id).await? { None } else { Some(id) })
    }

    /// A document that a write may have added. One without a room is recognized by its content, and only while it is live: the
    /// trash may hold those that other writes have added, and that were undone.
    async fn find_new(&self, write: &DocumentWrite) -> Result<Option<Value>> {
        let records = &self.settings.records;
        if let Some(room) = &write.room {
            let filter = json!({"bandyerRoomId": room.as_str()});
            return Ok(self.client.list(records, &filter, LIVE_OR_TRASHED).await?.into_iter().next());
        }
        let Some(content) = write.content.as_deref().and_then(document::Content::parse) else { return Ok(None) };
        let mut found = self.client.list(records, &content.filter(), LIVE).await?;
        found.retain(|document| content.matches(document));
        let ids: Vec<&str> = found.iter().filter_map(|document| document.get("_id")?.as_str()).collect();
        let known = self.journal.read().known_documents(&ids).await?;
        let is_new =
            |document: &Value| document.get("_id").and_then(Value::as_str).is_some_and(|id| !known.contains(id));
        Ok(found.into_iter().find(is_new))
    }

    /// Records that a write took effect. `false` if the write was taken over.
    pub(super) async fn applied(
        &self,
        write: &DocumentWrite,
        id: &TeleconsultationId,
        room: Option<&bandyer_client::RoomId>,
    ) -> Result<bool> {
        let (write, id, room) = (write.clone(), id.clone(), room.cloned());
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.end_document_write(&write).await? {
                        return Ok(false);
                    }
                    match write.kind {
                        WriteKind::Trash => tx.forget_document(&id).await?,
                        WriteKind::Insert => {
                            // The first attempt of a new record has generation 1.
                            tx.store_document(&id, i64::from(room.is_some()), room.as_ref()).await?;
                            tx.rename_keyed(&write.teleconsultation, &id).await?;
                        }
                        WriteKind::Update => tx.store_document(&id, 0, room.as_ref()).await?,
                    }
                    if let Some(replaced) = &write.replaced {
                        tx.queue_room(replaced, Some(&id)).await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// Records that a write had no effect and will have none.
    pub(super) async fn refused(&self, write: &DocumentWrite) -> Result<()> {
        let write = write.clone();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    if tx.end_document_write(&write).await?
                        && let Some(room) = &write.room
                    {
                        tx.queue_room_unless_used(room, Some(&write.teleconsultation)).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Records a definite refusal. If the outcome is unknown, the write stays recorded.
    async fn failed(&self, write: &DocumentWrite, error: StoreError) -> StoreError {
        let is_definite = error.upstream().is_some_and(|upstream| !upstream.is_ambiguous());
        if !is_definite {
            return error;
        }
        match self.refused(write).await {
            Ok(()) => error,
            Err(journal) => journal,
        }
    }

    /// Moves a document to the trash, and records the outcome.
    pub(super) async fn send_trash(&self, write: &DocumentWrite, read: &Document) -> Result<Cas> {
        let id = &write.teleconsultation;
        crash_point!("D1");
        let sent = self.send_to_trash(id, read).await;
        crash_point!("D2");
        match sent {
            Ok(Sent::Applied) => {}
            Ok(Sent::Refused) => {
                self.refused(write).await?;
                return Ok(Cas::Stale);
            }
            Ok(Sent::Overtaken) => {
                self.resolve_update(write).await?;
                return Ok(Cas::Stale);
            }
            Err(error) => return Err(self.failed(write, error).await),
        }
        // Its links stop working with its room, so the caller need not wait for their removal.
        match self.clear_links(id).await {
            Ok(()) => drop(self.applied(write, id, None).await?),
            Err(error) => {
                tracing::warn!(teleconsultation = %id, error = %error, "cannot remove links yet, will retry");
                self.release_replaced(write).await?;
            }
        }
        Ok(Cas::Applied(()))
    }

    /// Queues the room that a write has removed for deletion, before everything else about the write is done.
    async fn release_replaced(&self, write: &DocumentWrite) -> Result<()> {
        let write = write.clone();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    if tx.release_replaced(&write).await?
                        && let Some(replaced) = &write.replaced
                    {
                        // The document in the trash still names the room, and is not to count as using it.
                        tx.store_document(&write.teleconsultation, 0, None).await?;
                        tx.queue_room(replaced, Some(&write.teleconsultation)).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Moves a document that is still as it was read to the trash.
    pub(super) async fn send_to_trash(&self, id: &TeleconsultationId, read: &Document) -> Result<Sent> {
        let segments = [self.settings.records.as_str(), id.as_str(), "state"];
        let query = [("_q", read.filter().to_string())];
        let body = json!({"stateTo": "TRASH"});
        let mut lost: Option<UpstreamError> = None;
        for _ in 0..SENDS {
            let error = match self.client.call(Method::POST, &segments, &query, Some(&body)).await {
                Ok(Some(_)) => return Ok(Sent::Applied),
                Ok(None) => match lost {
                    None => return Ok(Sent::Refused),
                    Some(lost) => lost,
                },
                Err(error) => match lost {
                    None if error.is_ambiguous() => error,
                    None => return Err(error.into()),
                    Some(lost) => lost,
                },
            };
            match self.client.document(&self.settings.records, id, "PUBLIC").await {
                Ok(None) => return Ok(Sent::Applied),
                Ok(Some(now)) if now.version() == read.version() => lost = Some(error),
                Ok(Some(_)) => return Ok(Sent::Overtaken),
                Err(_) => return Err(error.into()),
            }
        }
        Err(lost.map_or_else(unreadable, StoreError::from))
    }

    /// Removes the room and the links from a document in the trash: if the CMS restores it, it gets a new room.
    pub(super) async fn clear_links(&self, id: &TeleconsultationId) -> Result<()> {
        let segments = [self.settings.records.as_str(), id.as_str()];
        let mut lost = None;
        for _ in 0..SENDS {
            let Some(read) = self.client.document(&self.settings.records, id, "TRASH").await? else { return Ok(()) };
            let change = Change::without_links(&read, self.schema());
            if change.is_empty() {
                return Ok(());
            }
            let query = [("_q", read.filter().to_string()), ("_st", "TRASH".to_owned())];
            match self.client.call(Method::PATCH, &segments, &query, Some(&change.commands())).await {
                // If it was changed or restored at the same time, it is not this service's to change any more.
                Ok(_) => return Ok(()),
                Err(error) if error.is_ambiguous() => lost = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(lost.map_or_else(unreadable, StoreError::from))
    }
}
