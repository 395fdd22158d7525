//! Resolves writes whose outcome is unknown: after a crash, or if the CRUD Service did not respond.
//!
//! A write may take effect minutes after it was sent. An update is a compare-and-set, so the document is touched first: from
//! then on the write fails, and what the document holds is final. A new document cannot be kept from appearing, so its write is
//! watched for a day, and the document is moved to the trash if it appears.

use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::CrudServiceRecords;
use super::changes::Change;
use super::client::{LIVE, unreadable};
use super::document::Document;
use super::writes::Sent;
use crate::domain::ids::TeleconsultationId;
use crate::store::journal::{DocumentWrite, WriteKind};
use crate::store::{Result, StoreError};

/// How many writes one run resolves at most. Each takes a few calls.
const BATCH: u32 = 50;
/// The longest time between two looks for a new document whose write was given up.
const WATCH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// How long it is looked for. Nothing between here and the database holds a request for longer.
const WATCH_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How often a document is touched while other writers change it.
const TOUCHES: u32 = 4;

/// The time until the next look: most writes that arrive late do so early on, so it grows with the age of the write.
fn watch_interval(write: &DocumentWrite, now: Timestamp) -> SignedDuration {
    now.duration_since(write.started_at).clamp(SignedDuration::ZERO, WATCH_INTERVAL)
}

impl CrudServiceRecords {
    /// Resolves the writes that are due.
    pub(super) async fn resolve_due(&self) -> Result<()> {
        let lease = self.settings.write_grace;
        let max_wait = (lease * 2).max(WATCH_INTERVAL * 2);
        let due = self
            .journal
            .write(move |tx| Box::pin(async move { tx.claim_document_writes(lease, max_wait, BATCH).await }))
            .await?;
        let mut failed = None;
        for write in due {
            // One that cannot be resolved does not keep the others waiting.
            if let Err(error) = self.resolve(&write).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Resolves the writes that were begun for a teleconsultation, and returns the new document if one of them has added it.
    pub(super) async fn resolve_writes_of(&self, id: &TeleconsultationId) -> Result<Option<TeleconsultationId>> {
        let (id, lease) = (id.clone(), self.settings.write_grace);
        let begun = self
            .journal
            .write(move |tx| Box::pin(async move { tx.claim_document_writes_of(&id, lease).await }))
            .await?;
        for write in begun {
            if let Some(document) = self.resolve(&write).await? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    /// Resolves a write. The result is the new document that it has added.
    async fn resolve(&self, write: &DocumentWrite) -> Result<Option<TeleconsultationId>> {
        match write.kind {
            WriteKind::Insert => self.resolve_new(write).await,
            WriteKind::Update | WriteKind::Trash => self.resolve_update(write).await.map(|()| None),
        }
    }

    async fn resolve_new(&self, write: &DocumentWrite) -> Result<Option<TeleconsultationId>> {
        // Of two writes that may have added it, the one that gives up first leaves it to the other.
        match (self.find_own(write).await?, write.is_abandoned) {
            (Some(id), false) => {
                let stays = self.applied(write, &id, write.room.as_ref()).await? || self.is_known(&id).await?;
                Ok(stays.then_some(id))
            }
            (Some(id), true) => self.undo(write, &id).await.map(|()| None),
            (None, false) if self.abandon(write).await? => Ok(None),
            // The holder that has taken it over may find the document.
            (None, false) => Err(StoreError::corrupt("a new document is being looked for")),
            (None, true) => self.watch(write).await.map(|()| None),
        }
    }

    /// Whether a document that looks like the one of this write may have been added by another. Rooms are unique, so it may
    /// only without a room.
    pub(super) async fn may_be_of_another(&self, write: &DocumentWrite, id: &TeleconsultationId) -> Result<bool> {
        let Some(content) = write.content.as_deref().filter(|_| write.room.is_none()) else { return Ok(false) };
        // In this order: a write that has ended since the document was found has made it known.
        Ok(self.journal.read().is_content_being_written(content, &write.id).await? || self.is_known(id).await?)
    }

    async fn is_known(&self, id: &TeleconsultationId) -> Result<bool> {
        Ok(!self.journal.read().known_documents(&[id.as_str()]).await?.is_empty())
    }

    /// Ends a write that was taken over before the CRUD Service returned its new document: what was given up is undone now and
    /// not when it is looked for again, because callers see the document until then. `false` if the document does not stay.
    pub(super) async fn end_taken_over(&self, write: &DocumentWrite, id: &TeleconsultationId) -> Result<bool> {
        let (write, lease) = (write.id.clone(), self.settings.write_grace);
        let abandoned = self
            .journal
            .write(move |tx| Box::pin(async move { tx.claim_abandoned_write(&write, lease).await }))
            .await?;
        match abandoned {
            Some(abandoned) => self.undo(&abandoned, id).await.map(|()| false),
            None => self.is_known(id).await,
        }
    }

    /// Moves the document of an abandoned write to the trash: its caller got an error, and may have created another since.
    async fn undo(&self, write: &DocumentWrite, id: &TeleconsultationId) -> Result<()> {
        if let Some(read) = self.client.document(&self.settings.records, id, LIVE).await?
            && self.send_to_trash(id, &read).await? != Sent::Applied
        {
            // It was changed at the same time. The next run looks at it again.
            return Ok(());
        }
        self.clear_links(id).await?;
        tracing::warn!(teleconsultation = %id, "moved a document to the trash that appeared after its creation had failed");
        self.refused(write).await
    }

    /// Gives up the write of a new document. `false` if it was taken over.
    async fn abandon(&self, write: &DocumentWrite) -> Result<bool> {
        let write = write.clone();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    let wait = watch_interval(&write, tx.now().await?);
                    let is_abandoned = tx.abandon_document_write(&write, wait).await?;
                    if is_abandoned && let Some(room) = &write.room {
                        tx.queue_room_unless_used(room, None).await?;
                    }
                    Ok(is_abandoned)
                })
            })
            .await
    }

    async fn watch(&self, write: &DocumentWrite) -> Result<()> {
        let write = write.clone();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    let now = tx.now().await?;
                    if now.duration_since(write.started_at) > WATCH_FOR {
                        tx.end_document_write(&write).await.map(drop)
                    } else {
                        tx.abandon_document_write(&write, watch_interval(&write, now)).await.map(drop)
                    }
                })
            })
            .await
    }

    pub(super) async fn resolve_update(&self, write: &DocumentWrite) -> Result<()> {
        let id = &write.teleconsultation;
        let current = self.touched(id, write.room.as_ref()).await?;
        if write.kind == WriteKind::Trash && current.is_none() {
            self.clear_links(id).await?;
        }
        let room = current.as_ref().and_then(Document::room);
        let is_applied = write.room.as_ref().is_some_and(|brought| room == Some(brought.as_str()));
        let (write, is_live) = (write.clone(), current.is_some());
        let is_left_behind = |queued: &bandyer_client::RoomId| room != Some(queued.as_str());
        let left_behind: Vec<_> =
            write.room.iter().chain(&write.replaced).filter(|room| is_left_behind(room)).cloned().collect();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.end_document_write(&write).await? {
                        return Ok(());
                    }
                    if is_applied {
                        tx.store_document(&write.teleconsultation, 0, write.room.as_ref()).await?;
                    } else if !is_live {
                        tx.forget_document(&write.teleconsultation).await?;
                    }
                    for room in &left_behind {
                        tx.queue_room(room, Some(&write.teleconsultation)).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// The document, after which no earlier write can change it. `None` if it is gone or in the trash.
    ///
    /// A document that has the room that the write brings was changed by it, and needs no touch.
    async fn touched(
        &self,
        id: &TeleconsultationId,
        brought: Option<&bandyer_client::RoomId>,
    ) -> Result<Option<Document>> {
        let segments = [self.settings.records.as_str(), id.as_str()];
        for _ in 0..TOUCHES {
            let Some(read) = self.client.document(&self.settings.records, id, LIVE).await? else { return Ok(None) };
            if brought.is_some_and(|room| read.room() == Some(room.as_str())) {
                return Ok(Some(read));
            }
            let query = [("_q", read.filter().to_string()), ("_st", LIVE.to_owned())];
            let body = Change::touch(&read).commands();
            if let Some(value) = self.client.call(Method::PATCH, &segments, &query, Some(&body)).await? {
                return Document::new(value).ok_or_else(unreadable).map(Some);
            }
        }
        Err(StoreError::corrupt("a document keeps being changed by others"))
    }
}
