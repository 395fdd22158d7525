//! Records in the platform's CRUD Service: the collections of the predecessor, with exactly its fields.
//!
//! The CRUD Service has no transactions, so the steps of a change are ordered instead. Rooms that a change may leave behind
//! are queued in the journal before the change, and fall due some time later; the change itself is one compare-and-set; its
//! outcome is recorded afterwards. Wherever this is interrupted, a room is deleted only if no record has it by then.
//!
//! The version of a record is the time of its last change (`updatedAt`). Because its resolution is a millisecond, the
//! compare-and-set names the other plain fields too. The generation is always 0: an attempt changes `updatedAt` when it
//! begins, which makes a generation unnecessary.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::engine::Database;
use super::{Attempt, AttemptResolution, Cas, Records, Result, StoreError};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::platform::{self, BaseUrl, PlatformClient, UpstreamError};

mod changes;
mod document;
mod people;

use changes::Change;
use document::{Document, Schema};

/// The name of the service in errors.
const SERVICE: &str = "CRUD Service";
/// When the rooms of an unfinished change fall due: longer than any of its calls can still be in flight.
const TENTATIVE_DELAY: SignedDuration = SignedDuration::from_mins(3);
/// How many rooms one query looks up. Below 200, the maximum number of documents in one response.
const ROOMS_PER_QUERY: usize = 100;
/// Names below a collection that are routes of the service, not ids of documents.
const ROUTES: [&str; 9] = ["count", "export", "schema", "schemas", "bulk", "import", "state", "upsert-one", "validate"];

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
}

/// Records in the CRUD Service, with the journal in a database.
pub(super) struct CrudServiceRecords {
    settings: CrudSettings,
    client: PlatformClient,
    journal: Arc<Database>,
}

impl CrudServiceRecords {
    pub(super) const fn new(settings: CrudSettings, client: PlatformClient, journal: Arc<Database>) -> Self {
        Self { settings, client, journal }
    }

    const fn schema(&self) -> Schema {
        Schema { with_profiles: self.settings.store_profiles, write_empty_room: self.settings.write_empty_room }
    }

    /// Makes one call. `None` stands for a 404.
    async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> std::result::Result<Option<Value>, UpstreamError> {
        let mut url = self.settings.base.below(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        // Collection, id, action: only the second is a value.
        let template = match segments {
            [collection, id, action @ ..] if !id.is_empty() && *collection != "-" => {
                format!("/{}", [&[*collection, ":id"], action].concat().join("/"))
            }
            route => format!("/{}", route.join("/")),
        };
        let response = self.client.call(SERVICE, method, (url, &template), platform::current(), body).await?;
        Ok((response.status != StatusCode::NOT_FOUND).then_some(response.body))
    }

    /// The documents of a collection that match a filter, oldest first.
    async fn list(&self, collection: &str, filter: &Value, states: &str) -> Result<Vec<Value>> {
        let query = [
            ("_q", filter.to_string()),
            ("_st", states.to_owned()),
            ("_s", "createdAt".to_owned()),
            ("_l", "200".to_owned()),
        ];
        match self.call(Method::GET, &[collection, ""], &query, None).await? {
            Some(Value::Array(documents)) => Ok(documents),
            // No such collection: the configured names are wrong, and no caller can correct that.
            _ => Err(UpstreamError::unreadable(SERVICE).into()),
        }
    }

    async fn document(&self, id: &TeleconsultationId) -> Result<Option<Document>> {
        if ROUTES.contains(&id.as_str()) {
            return Ok(None);
        }
        let found = self.call(Method::GET, &[&self.settings.records, id.as_str()], &[], None).await?;
        found.map(|value| Document::new(value).ok_or_else(unreadable)).transpose()
    }

    /// The document, if it still has this version.
    async fn document_at(&self, id: &TeleconsultationId, version: i64) -> Result<Option<Document>> {
        Ok(self.document(id).await?.filter(|document| document.version() == version))
    }

    /// The document of a record, if it still is what the record was read from.
    async fn unchanged(&self, record: &Teleconsultation) -> Result<Option<Document>> {
        let Base::At { version, .. } = record.base else { return Ok(None) };
        self.document_at(&record.id, version).await
    }

    /// Queues the rooms that a change may leave behind. With an attempt, the result is whether the change may be made.
    async fn before_change(
        &self,
        attempt: Option<&Attempt>,
        rooms: Vec<RoomId>,
        id: &TeleconsultationId,
        now: Timestamp,
    ) -> Result<bool> {
        if rooms.is_empty() {
            return Ok(true);
        }
        let (attempt, id) = (attempt.cloned(), id.clone());
        let due = now.saturating_add(TENTATIVE_DELAY).unwrap_or(Timestamp::MAX);
        self.journal
            .write(move |tx| {
                Box::pin(async move { tx.schedule_tentative_retirement(attempt.as_ref(), &rooms, &id, due).await })
            })
            .await
    }

    /// Records the outcome of a change.
    async fn after_change(
        &self,
        attempt: Option<&Attempt>,
        kept: Option<&RoomId>,
        gone: Option<&RoomId>,
        id: &TeleconsultationId,
        now: Timestamp,
    ) -> Result<()> {
        let (attempt, kept, gone, id) = (attempt.cloned(), kept.cloned(), gone.cloned(), id.clone());
        self.journal
            .write(move |tx| {
                Box::pin(async move {
                    tx.resolve_retirement(kept.as_ref(), gone.as_ref(), &id, now).await?;
                    match attempt {
                        Some(attempt) => tx.delete_attempt(&attempt).await,
                        None => Ok(()),
                    }
                })
            })
            .await
    }

    /// Applies a change to a document that is still as it was read. `None` if another writer was first.
    ///
    /// If the response is lost, the document shows whether the change was applied. If it was not, it is sent again, which is
    /// safe because the compare-and-set succeeds only once.
    async fn apply(&self, id: &TeleconsultationId, read: &Document, change: &Change) -> Result<Option<Document>> {
        let segments = [self.settings.records.as_str(), id.as_str()];
        let query = [("_q", read.filter().to_string())];
        let body = change.commands();
        let mut response = self.call(Method::PATCH, &segments, &query, Some(&body)).await;
        if response.as_ref().is_err_and(UpstreamError::is_ambiguous) {
            match self.document(id).await? {
                Some(now) if change.is_applied(&now) => return Ok(Some(now)),
                Some(now) if now.version() == read.version() => {
                    response = self.call(Method::PATCH, &segments, &query, Some(&body)).await;
                }
                _ => return Ok(None),
            }
        }
        response?.map(|value| Document::new(value).ok_or_else(unreadable)).transpose()
    }

    /// Stores a new document. If the response is lost, a document with a room is found by its room.
    async fn add(&self, record: &Teleconsultation) -> Result<TeleconsultationId> {
        let body = document::new_document(record, self.schema());
        let segments = [self.settings.records.as_str(), ""];
        let stored = match (self.call(Method::POST, &segments, &[], Some(&body)).await, &record.room) {
            (Err(error), Some(room)) if error.is_ambiguous() => match self.holder(room).await? {
                Some(document) => document,
                None => return Err(error.into()),
            },
            (response, _) => response?.ok_or_else(unreadable)?,
        };
        id_of(&stored)
    }

    /// The document whose room this is, unless it is in the trash. Drafts count: the CMS hides documents that way.
    async fn holder(&self, room: &RoomId) -> Result<Option<Value>> {
        let filter = json!({"bandyerRoomId": room.as_str()});
        Ok(self.list(&self.settings.records, &filter, "PUBLIC,DRAFT").await?.into_iter().next())
    }
}

fn id_of(document: &Value) -> Result<TeleconsultationId> {
    document.get("_id").and_then(Value::as_str).and_then(TeleconsultationId::parse).ok_or_else(unreadable)
}

fn unreadable() -> StoreError {
    UpstreamError::unreadable(SERVICE).into()
}

#[async_trait]
impl Records for CrudServiceRecords {
    async fn ping(&self) -> Result<()> {
        // Any response will do: its health is for its own probe to report.
        self.call(Method::GET, &["-", "healthz"], &[], None).await?;
        Ok(())
    }

    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>> {
        let Some(document) = self.document(id).await? else { return Ok(None) };
        let names = self.external_ids(&document.unnamed_vendor_users()).await?;
        document.record(id, &names).map(Some)
    }

    /// Never: the CRUD Service chooses ids itself, so a requested id cannot exist.
    async fn was_stored(&self, _id: &TeleconsultationId) -> Result<bool> {
        Ok(false)
    }

    async fn of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>> {
        self.holder(room).await?.map(|document| id_of(&document)).transpose()
    }

    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let mut found = HashSet::new();
        for some in rooms.chunks(ROOMS_PER_QUERY) {
            let filter = json!({"bandyerRoomId": {"$in": some}});
            let documents = self.list(&self.settings.records, &filter, "PUBLIC,DRAFT").await?;
            let ids = documents.iter().filter_map(|document| document.get("bandyerRoomId")?.as_str());
            found.extend(some.iter().filter(|room| ids.clone().any(|id| id == room.as_str())).cloned());
        }
        Ok(found)
    }

    async fn insert(&self, record: &Teleconsultation, _now: Timestamp) -> Result<TeleconsultationId> {
        self.add(record).await
    }

    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Cas> {
        let Some(read) = self.unchanged(record).await? else { return Ok(Cas::Stale) };
        let change = Change::between(&read, record, self.schema());
        if change.is_empty() {
            return Ok(Cas::Applied(()));
        }
        self.before_change(None, retire.into_iter().cloned().collect(), &record.id, now).await?;
        if self.apply(&record.id, &read, &change).await?.is_none() {
            return Ok(Cas::Stale);
        }
        self.after_change(None, None, retire, &record.id, now).await?;
        Ok(Cas::Applied(()))
    }

    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Cas> {
        let Some(read) = self.unchanged(record).await? else { return Ok(Cas::Stale) };
        self.before_change(None, record.room.iter().cloned().collect(), &record.id, now).await?;
        let segments = [self.settings.records.as_str(), record.id.as_str(), "state"];
        let query = [("_q", read.filter().to_string())];
        let body = json!({"stateTo": "TRASH"});
        let mut response = self.call(Method::POST, &segments, &query, Some(&body)).await;
        if response.as_ref().is_err_and(UpstreamError::is_ambiguous) {
            response = match self.document(&record.id).await? {
                None => Ok(Some(Value::Null)),
                Some(_) => self.call(Method::POST, &segments, &query, Some(&body)).await,
            };
        }
        if response?.is_none() {
            return Ok(Cas::Stale);
        }
        self.after_change(None, None, record.room.as_ref(), &record.id, now).await?;
        Ok(Cas::Applied(()))
    }

    async fn begin_attempt(&self, attempt: &Attempt, base: Base) -> Result<Cas<Base>> {
        let added = attempt.clone();
        self.journal.write(move |tx| Box::pin(async move { tx.add_attempt(&added).await })).await?;
        let Base::At { version, .. } = base else { return Ok(Cas::Applied(base)) };
        let touched = match self.document_at(&attempt.teleconsultation, version).await {
            Ok(Some(read)) => self.apply(&attempt.teleconsultation, &read, &Change::touch(&read)).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if !matches!(touched, Ok(Some(_))) {
            // The vendor was not called, whatever happened to the record.
            let (attempt, now) = (attempt.clone(), attempt.started_at);
            self.journal
                .write(move |tx| {
                    Box::pin(async move { tx.resolve_attempt(&attempt, AttemptResolution::NoRoom, now).await })
                })
                .await?;
        }
        Ok(Cas::from_option(touched?.map(|document| document.base())))
    }

    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Cas<TeleconsultationId>> {
        let room = record.room.as_ref().ok_or(StoreError::corrupt("an attempt was committed without a room"))?;
        let rooms = std::iter::once(room).chain(replaced).cloned().collect();
        if !self.before_change(Some(attempt), rooms, &record.id, now).await? {
            // The attempt was taken over, or the room waits for deletion already.
            let room = room.clone();
            self.journal
                .write(move |tx| Box::pin(async move { tx.queue_room_unless_used(&room, None, now).await }))
                .await?;
            return Ok(Cas::Stale);
        }
        let id = if record.base == Base::New {
            Some(self.add(record).await?)
        } else {
            match self.unchanged(record).await? {
                Some(read) => {
                    let change = Change::between(&read, record, self.schema());
                    self.apply(&record.id, &read, &change).await?.map(|_| record.id.clone())
                }
                None => None,
            }
        };
        let (kept, gone) = if id.is_some() { (Some(room), replaced) } else { (None, Some(room)) };
        self.after_change(Some(attempt), kept, gone, &record.id, now).await?;
        Ok(Cas::from_option(id))
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        self.mapped(people).await
    }

    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)], _now: Timestamp) -> Result<()> {
        self.map(users).await
    }
}
