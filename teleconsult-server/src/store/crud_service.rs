//! Records in the platform's CRUD Service: the collections of the predecessor, with exactly its fields.
//!
//! The journal has the authority over rooms: which generation of a record may get a room, which room it got last, and which
//! writes are under way are in the database, and change there in one transaction, before a document is written. A document is
//! written by compare-and-set: its version is the time of its last change (`updatedAt`), and because that is a time in
//! milliseconds, the compare-and-set names the other plain fields too.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::engine::Database;
use super::held_key::HeldKey;
use super::journal::{DocumentState, WriteKind};
use super::{Attempt, Cas, NewAttempt, Reading, Records, Result, StoreError};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::platform::{BaseUrl, PlatformClient};

mod changes;
mod client;
mod document;
mod people;
mod recovery;
mod writes;

use changes::Change;
use client::{CrudClient, LIVE_OR_TRASHED};
use document::{Content, Document, Schema};
use writes::new_write;

/// How many rooms one query looks up. The URL has a length limit, and a room id may have a hundred characters.
const ROOMS_PER_QUERY: usize = 25;

/// Where the collections are, and what is written into them.
#[derive(Debug, Clone)]
pub struct CrudSettings {
    /// The CRUD Service.
    pub base: BaseUrl,
    /// The collection of teleconsultations.
    pub records: String,
    /// The collection that maps people to vendor users.
    pub people: String,
    /// Whether callers supply groups and names. Only then are they stored.
    pub store_profiles: bool,
    /// Whether a missing room is written as an empty string, for schemas that require the field.
    pub write_empty_room: bool,
    /// How long after a write without a response its outcome is looked at.
    pub write_grace: SignedDuration,
}

/// Records in the CRUD Service, with the journal in a database.
pub(super) struct CrudServiceRecords {
    settings: CrudSettings,
    client: CrudClient,
    journal: Arc<Database>,
}

impl CrudServiceRecords {
    pub(super) fn new(settings: CrudSettings, http: PlatformClient, journal: Arc<Database>) -> Self {
        let client = CrudClient::new(settings.base.clone(), http);
        Self { settings, client, journal }
    }

    const fn schema(&self) -> Schema {
        Schema { with_profiles: self.settings.store_profiles, write_empty_room: self.settings.write_empty_room }
    }

    /// The public document of a record, if it still is what the record was read from.
    async fn unchanged(&self, record: &Teleconsultation) -> Result<Option<(Document, i64)>> {
        let Base::At { version, generation } = record.base else { return Ok(None) };
        let read = self.client.document(&self.settings.records, &record.id, "PUBLIC").await?;
        Ok(read.filter(|read| read.version() == version).map(|read| (read, generation)))
    }

    /// Reads a document. What the journal knows of it must have been read before.
    async fn reading(&self, id: &TeleconsultationId, state: DocumentState) -> Result<Option<Reading>> {
        let Some(document) = self.client.document(&self.settings.records, id, "PUBLIC").await? else { return Ok(None) };
        let names = self.external_ids(&document.unnamed_vendor_users()).await?;
        let record = document.record(id, state.generation, &names)?;
        Ok(Some(Reading { record, at: state.at, is_changing: state.is_changing }))
    }
}

#[async_trait]
impl Records for CrudServiceRecords {
    async fn ping(&self) -> Result<()> {
        // Any response will do: its health is for its own probe to report.
        self.client.call(Method::GET, &["-", "healthz"], &[], None).await?;
        Ok(())
    }

    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Reading>> {
        let state = self.journal.read().document(id).await?;
        self.reading(id, state).await
    }

    async fn get_after_changes(&self, id: &TeleconsultationId) -> Result<Option<Reading>> {
        let locked = id.clone();
        match self.journal.write(move |tx| Box::pin(async move { tx.lock_document(&locked).await })).await {
            // There is no change to wait for, and viewers need their links.
            Err(error) if !error.is_not_writable() => Err(error),
            _ => self.get(id).await,
        }
    }

    async fn stored_for(&self, id: &TeleconsultationId) -> Result<Option<TeleconsultationId>> {
        if let Some(document) = self.resolve_writes_of(id).await? {
            return Ok(Some(document));
        }
        // Recovery may have found the document since the key was claimed.
        let key = HeldKey::current();
        let found = self.journal.write(move |tx| Box::pin(async move { key.teleconsultation(tx).await })).await?;
        if found.as_ref().is_some_and(|found| found != id) {
            return Ok(found);
        }
        let document = self.client.document(&self.settings.records, id, LIVE_OR_TRASHED).await?;
        Ok(document.map(|_| id.clone()))
    }

    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let mut found = HashSet::new();
        let mut in_trash = Vec::new();
        for some in rooms.chunks(ROOMS_PER_QUERY) {
            let filter = json!({"bandyerRoomId": {"$in": some}});
            for document in self.client.list(&self.settings.records, &filter, LIVE_OR_TRASHED).await? {
                let room = document.get("bandyerRoomId").and_then(Value::as_str);
                let Some(room) = some.iter().find(|one| Some(one.as_str()) == room).cloned() else { continue };
                if document.get("__STATE__").and_then(Value::as_str) == Some("TRASH") {
                    in_trash.push(room);
                } else {
                    found.insert(room);
                }
            }
        }
        // The CMS can restore what it moved to the trash. What this service moved there is not known as a document any more.
        found.extend(self.journal.read().rooms_of_documents(&in_trash).await?);
        Ok(found)
    }

    async fn insert(&self, record: &Teleconsultation) -> Result<TeleconsultationId> {
        let mut write = new_write(WriteKind::Insert, &record.id);
        write.content = Some(Content::of(record).to_json()?);
        let (begun, grace, key) = (write.clone(), self.settings.write_grace, HeldKey::current());
        let is_begun = self
            .journal
            .write(move |tx| {
                Box::pin(async move {
                    let is_admitted = key.admits(tx, &begun.teleconsultation).await?;
                    if is_admitted {
                        tx.begin_document_write(&begun, grace).await?;
                    }
                    Ok(is_admitted)
                })
            })
            .await?;
        let sent = if is_begun { self.send_document(&write, record).await? } else { Cas::Stale };
        match sent {
            Cas::Applied(id) => Ok(id),
            Cas::Stale | Cas::TooLate => Err(StoreError::corrupt("storing a teleconsultation took too long")),
        }
    }

    async fn update(
        &self,
        record: &Teleconsultation,
        retire: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        let Some((read, generation)) = self.unchanged(record).await? else { return Ok(Cas::Stale) };
        let change = Change::between(&read, record, self.schema());
        if change.is_empty() {
            return Ok(Cas::Applied(()));
        }
        let mut write = new_write(WriteKind::Update, &record.id);
        write.replaced = retire.cloned();
        match self.begin_write(&write, generation, valid_until).await? {
            Cas::Applied(()) => self.send_change(&write, &read, &change, record).await,
            refused => Ok(refused),
        }
    }

    async fn trash(&self, record: &Teleconsultation) -> Result<Cas> {
        let Some((read, generation)) = self.unchanged(record).await? else { return Ok(Cas::Stale) };
        let mut write = new_write(WriteKind::Trash, &record.id);
        write.replaced.clone_from(&record.room);
        let begun = self.begin_write(&write, generation, None).await?;
        if begun != Cas::Applied(()) {
            return Ok(begun);
        }
        self.send_trash(&write, &read).await
    }

    async fn begin_attempt(
        &self,
        attempt: &NewAttempt,
        lease: SignedDuration,
        base: Base,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<(Attempt, Base)>> {
        let attempt = attempt.clone();
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    let begun = match base {
                        Base::New => Cas::Applied(Base::New),
                        Base::At { version, generation } => {
                            let (id, next) = (&attempt.teleconsultation, attempt.generation);
                            let advanced = tx.advance_document(id, generation, next, valid_until).await?;
                            advanced.map(|()| Base::At { version, generation: next })
                        }
                    };
                    Ok(match begun {
                        Cas::Applied(base) => Cas::Applied((tx.add_attempt(&attempt, lease).await?, base)),
                        Cas::Stale => Cas::Stale,
                        Cas::TooLate => Cas::TooLate,
                    })
                })
            })
            .await
    }

    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<TeleconsultationId>> {
        let room = record.room.clone().ok_or(StoreError::corrupt("an attempt was committed without a room"))?;
        let read = match record.base {
            Base::New => None,
            Base::At { .. } => self.unchanged(record).await?,
        };
        let kind = if record.base == Base::New { WriteKind::Insert } else { WriteKind::Update };
        let mut write = new_write(kind, &record.id);
        write.id.clone_from(&attempt.id);
        write.room = Some(room);
        write.replaced = replaced.cloned();
        let is_changed = kind == WriteKind::Update && read.is_none();
        match self.exchange(attempt, &write, is_changed, valid_until).await? {
            Cas::Applied(()) => {}
            Cas::Stale => return Ok(Cas::Stale),
            Cas::TooLate => return Ok(Cas::TooLate),
        }
        let Some((read, _)) = read else { return self.send_document(&write, record).await };
        let change = Change::between(&read, record, self.schema());
        Ok(self.send_change(&write, &read, &change, record).await?.map(|()| record.id.clone()))
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        self.mapped(people).await
    }

    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)]) -> Result<()> {
        self.map(users).await
    }

    async fn recover(&self) -> Result<()> {
        self.resolve_due().await
    }
}
