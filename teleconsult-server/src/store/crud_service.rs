//! The platform's CRUD Service as the store: the predecessor's collections, with exactly its fields.
//!
//! The CRUD Service has no transactions, so what must happen together is ordered instead. Rooms that a change may leave
//! behind are written into the journal's database before the change and fall due some time later; the change itself is one
//! compare-and-set; what it came to is noted after it. Whatever is cut off in between, a room is deleted only after the
//! records were asked whether it is some record's room.
//!
//! A record's version is the moment of its last change (`updatedAt`). Because that is no finer than a millisecond, the
//! compare-and-set names the other plain fields too. There is no generation: the journal has no use for one here, since
//! beginning a room changes `updatedAt`.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::sql::{Outcome, SqlStore};
use super::{Attempt, Candidate, Ending, Journal, Result, Retirement, Store, StoreError, Stored};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::Teleconsultation;
use crate::platform::{self, BaseUrl, PlatformClient, UpstreamError};

mod changes;
mod document;
mod people;

use changes::Change;
use document::{Document, Schema};

/// How the service is called in errors.
const SERVICE: &str = "CRUD Service";
/// How long after an unfinished change its rooms are looked at: longer than any call of it can still be on its way.
const DOUBT: SignedDuration = SignedDuration::from_mins(3);
/// How many rooms are looked for at once. Below the most documents that one answer holds, which is 200.
const ROOMS_IN_ONE_QUERY: usize = 100;
/// Names below a collection that are no ids of documents.
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
    /// Whether callers tell groups and names. Only then are they stored.
    pub people_are_told: bool,
    /// Whether a missing room is written as an empty text, for schemas that demand the field.
    pub write_empty_room: bool,
}

/// The CRUD Service, with the journal beside it.
pub struct CrudServiceStore {
    settings: CrudSettings,
    client: PlatformClient,
    journal: Arc<SqlStore>,
}

impl CrudServiceStore {
    /// Keeps records and people in the CRUD Service, and the room keeper's journal in a database.
    #[must_use]
    pub fn new(settings: CrudSettings, client: PlatformClient, journal: Arc<SqlStore>) -> Self {
        Self { settings, client, journal }
    }

    const fn schema(&self) -> Schema {
        Schema { with_people: self.settings.people_are_told, write_empty_room: self.settings.write_empty_room }
    }

    /// One call. Nothing stands for a 404.
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
        // Collection, id, action: the second alone is a value.
        let template = match segments {
            [collection, id, action @ ..] if !id.is_empty() && *collection != "-" => {
                format!("/{}", [&[*collection, ":id"], action].concat().join("/"))
            }
            route => format!("/{}", route.join("/")),
        };
        let answer = self.client.call(SERVICE, method, (url, &template), platform::current(), body).await?;
        Ok((answer.status != StatusCode::NOT_FOUND).then_some(answer.body))
    }

    /// The documents of a collection that a query finds, oldest first.
    async fn list(&self, collection: &str, filter: &Value, states: &str) -> Result<Vec<Value>> {
        let query = [
            ("_q", filter.to_string()),
            ("_st", states.to_owned()),
            ("_s", "createdAt".to_owned()),
            ("_l", "200".to_owned()),
        ];
        match self.call(Method::GET, &[collection, ""], &query, None).await? {
            Some(Value::Array(documents)) => Ok(documents),
            // No such collection: the names are wrong, which no caller can mend.
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
    async fn unchanged(&self, id: &TeleconsultationId, version: i64) -> Result<Option<Document>> {
        Ok(self.document(id).await?.filter(|document| document.version() == version))
    }

    /// Applies a change to a document that is still as it was read. Nothing when somebody else was first.
    ///
    /// Where the answer is lost, the document tells whether the change was applied; one that was not is sent again,
    /// which is safe because it can take place only once.
    async fn apply(&self, id: &TeleconsultationId, read: &Document, change: &Change) -> Result<Option<Document>> {
        let segments = [self.settings.records.as_str(), id.as_str()];
        let query = [("_q", read.filter().to_string())];
        let body = change.commands();
        let mut answer = self.call(Method::PATCH, &segments, &query, Some(&body)).await;
        if answer.as_ref().is_err_and(UpstreamError::is_ambiguous) {
            match self.document(id).await? {
                Some(now) if change.is_applied(&now) => return Ok(Some(now)),
                Some(now) if now.version() == read.version() => {
                    answer = self.call(Method::PATCH, &segments, &query, Some(&body)).await;
                }
                _ => return Ok(None),
            }
        }
        answer?.map(|value| Document::new(value).ok_or_else(unreadable)).transpose()
    }

    /// Stores a new document. Where the answer is lost, one with a room is found by it.
    async fn add(&self, record: &Teleconsultation) -> Result<TeleconsultationId> {
        let body = document::new_document(record, self.schema());
        let segments = [self.settings.records.as_str(), ""];
        let stored = match (self.call(Method::POST, &segments, &[], Some(&body)).await, &record.room) {
            (Err(error), Some(room)) if error.is_ambiguous() => match self.holder(room).await? {
                Some(document) => document,
                None => return Err(error.into()),
            },
            (answer, _) => answer?.ok_or_else(unreadable)?,
        };
        id_of(&stored)
    }

    /// The document whose room this is, unless it is in the trash. One that was hidden for a while counts.
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

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl Store for CrudServiceStore {
    fn journal(&self) -> &dyn Journal {
        self.journal.as_ref()
    }

    /// The predecessor's records are here too, and their rooms may be of the vendor's other generation.
    fn made_all_rooms(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<()> {
        self.journal.ping().await?;
        // Any answer will do: whether it is well is its own probe's business.
        self.call(Method::GET, &["-", "healthz"], &[], None).await?;
        Ok(())
    }

    /// The journal alone: of the CRUD Service only a document would tell.
    async fn probe(&self) -> Result<()> {
        self.journal.probe().await
    }

    async fn teleconsultation(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>> {
        let Some(document) = self.document(id).await? else { return Ok(None) };
        let names = self.external_ids(&document.unnamed_vendor_users()).await?;
        document.record(id, &names).map(Some)
    }

    /// Never: the CRUD Service chooses ids itself, so none that is asked for can be there.
    async fn was_stored(&self, _id: &TeleconsultationId) -> Result<bool> {
        Ok(false)
    }

    async fn record_of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>> {
        self.holder(room).await?.map(|document| id_of(&document)).transpose()
    }

    async fn insert(&self, record: &Teleconsultation, _now: Timestamp) -> Result<TeleconsultationId> {
        self.add(record).await
    }

    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Stored> {
        let Some(read) = self.unchanged(&record.id, record.version).await? else { return Ok(Stored::Stale) };
        let change = Change::between(&read, record, self.schema());
        if change.is_empty() {
            return Ok(Stored::Yes);
        }
        self.journal.suspect(None, retire.as_slice(), &record.id, after(now, DOUBT)).await?;
        if self.apply(&record.id, &read, &change).await?.is_none() {
            return Ok(Stored::Stale);
        }
        let outcome = Outcome { attempt: None, kept: None, gone: retire };
        self.journal.conclude(outcome, &record.id, now).await?;
        Ok(Stored::Yes)
    }

    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Stored> {
        let Some(read) = self.unchanged(&record.id, record.version).await? else { return Ok(Stored::Stale) };
        self.journal.suspect(None, record.room.as_ref().as_slice(), &record.id, after(now, DOUBT)).await?;
        let segments = [self.settings.records.as_str(), record.id.as_str(), "state"];
        let query = [("_q", read.filter().to_string())];
        let body = json!({"stateTo": "TRASH"});
        let mut answer = self.call(Method::POST, &segments, &query, Some(&body)).await;
        if answer.as_ref().is_err_and(UpstreamError::is_ambiguous) {
            answer = match self.document(&record.id).await? {
                None => Ok(Some(Value::Null)),
                Some(_) => self.call(Method::POST, &segments, &query, Some(&body)).await,
            };
        }
        if answer?.is_none() {
            return Ok(Stored::Stale);
        }
        let outcome = Outcome { attempt: None, kept: None, gone: record.room.as_ref() };
        self.journal.conclude(outcome, &record.id, now).await?;
        Ok(Stored::Yes)
    }

    async fn begin(&self, attempt: &Attempt, version: Option<i64>) -> Result<Option<i64>> {
        let begun = self.journal.begin(attempt, None).await?;
        let Some(version) = version else { return Ok(begun) };
        let touched = match self.unchanged(&attempt.teleconsultation, version).await {
            Ok(Some(read)) => self.apply(&attempt.teleconsultation, &read, &Change::touch(&read)).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if !matches!(touched, Ok(Some(_))) {
            // No room was asked for, whatever became of the record.
            self.journal.end(attempt, Ending::NoRoom, attempt.started_at).await?;
        }
        Ok(touched?.map(|document| document.version()))
    }

    async fn settle(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Option<TeleconsultationId>> {
        let room = record.room.as_ref().ok_or(StoreError::corrupt("an attempt was settled without a room"))?;
        let suspects: Vec<&RoomId> = std::iter::once(room).chain(replaced).collect();
        if !self.journal.suspect(Some(attempt), &suspects, &record.id, after(now, DOUBT)).await? {
            // Somebody else took the attempt over, or the room is to be deleted already.
            self.journal.queue_orphan(room, now).await?;
            return Ok(None);
        }
        let id = if record.version == 0 {
            Some(self.add(record).await?)
        } else {
            match self.unchanged(&record.id, record.version).await? {
                Some(read) => {
                    let change = Change::between(&read, record, self.schema());
                    self.apply(&record.id, &read, &change).await?.map(|_| record.id.clone())
                }
                None => None,
            }
        };
        let (kept, gone) = if id.is_some() { (Some(room), replaced) } else { (None, Some(room)) };
        let outcome = Outcome { attempt: Some(attempt), kept, gone };
        self.journal.conclude(outcome, &record.id, now).await?;
        Ok(id)
    }

    async fn end(&self, attempt: &Attempt, ending: Ending, now: Timestamp) -> Result<()> {
        self.journal.end(attempt, ending, now).await
    }

    /// Only rooms that are no record's: a change that was cut off may have taken place after all.
    async fn claim_retirements(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Retirement>> {
        let mut due = Vec::new();
        for one in self.journal.claim_retirements(now, until, limit).await? {
            match self.holder(&one.room).await? {
                Some(_) => self.journal.retired(&one.room).await?,
                None => due.push(one),
            }
        }
        Ok(due)
    }

    async fn orphans(&self, candidates: &[Candidate]) -> Result<Vec<RoomId>> {
        let orphans = self.journal.orphans(candidates).await?;
        let mut held = HashSet::new();
        for some in orphans.chunks(ROOMS_IN_ONE_QUERY) {
            let filter = json!({"bandyerRoomId": {"$in": some.iter().map(RoomId::as_str).collect::<Vec<_>>()}});
            let documents = self.list(&self.settings.records, &filter, "PUBLIC,DRAFT").await?;
            let rooms = documents.iter().filter_map(|document| document.get("bandyerRoomId")?.as_str());
            held.extend(rooms.map(str::to_owned));
        }
        Ok(orphans.into_iter().filter(|room| !held.contains(room.as_str())).collect())
    }

    async fn queue_orphan(&self, room: &RoomId, now: Timestamp) -> Result<()> {
        self.journal.queue_orphan(room, now).await
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        self.mapped(people).await
    }

    async fn remember_users(&self, users: &[(ExternalId, UserId)], _now: Timestamp) -> Result<()> {
        self.map(users).await
    }
}
