//! A stand-in for the platform's CRUD Service, as strict as the real one: fields outside the schema are refused, new
//! documents are drafts, and only public documents are returned unless the query selects other states.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::database::Record;
use super::stand_in::{Call, StandIn};

pub const RECORDS: &str = "teleconsultations";
/// Another collection with the same fields, which exists and is empty.
pub const OTHER_RECORDS: &str = "teleconsultations_old";
pub const PEOPLE: &str = "teleconsultations_users";

type Documents = Vec<Map<String, Value>>;
type Collections = BTreeMap<String, Documents>;

/// The fields of a collection, and those of its participants.
#[derive(Clone, Copy)]
struct Schema {
    fields: &'static [&'static str],
    participant: &'static [&'static str],
    required: &'static [&'static str],
}

const AUDIT: [&str; 6] = ["_id", "__STATE__", "createdAt", "updatedAt", "creatorId", "updaterId"];

fn schema(collection: &str, with_people: bool) -> Option<Schema> {
    let participant: &[&str] = if with_people {
        &["userBandyerId", "bandyerId", "accessLinkURL", "groups", "fullName", "language"]
    } else {
        &["userBandyerId", "bandyerId", "accessLinkURL", "language"]
    };
    match collection {
        RECORDS | OTHER_RECORDS => Some(Schema {
            fields: &[
                "bandyerRoomId",
                "participantsNumber",
                "participants",
                "teleconsultationState",
                "startDate",
                "endDate",
            ],
            participant,
            required: &["participantsNumber", "participants", "startDate"],
        }),
        PEOPLE => Some(Schema {
            fields: &["bandyerId", "receivedUserId"],
            participant: &[],
            required: &["bandyerId", "receivedUserId"],
        }),
        _ => None,
    }
}

/// A concurrent change of a record, right before or after a call is handled.
struct Interjection {
    is_after: bool,
    method: Method,
    id: String,
    field: &'static str,
    value: Value,
}

pub struct CrudStandIn {
    pub http: StandIn,
    collections: Arc<Mutex<Collections>>,
    interjection: Arc<Mutex<Option<Interjection>>>,
    largest_page: Arc<AtomicUsize>,
}

/// The largest page, unless its operator sets another.
const LARGEST_PAGE: usize = 200;

impl CrudStandIn {
    /// Starts it with empty collections; `with_people` selects whether the schema has groups and names.
    pub async fn start(with_people: bool) -> Self {
        let collections = Arc::<Mutex<Collections>>::default();
        let interjection = Arc::<Mutex<Option<Interjection>>>::default();
        let largest_page = Arc::new(AtomicUsize::new(LARGEST_PAGE));
        let (kept, waiting, largest) = (Arc::clone(&collections), Arc::clone(&interjection), Arc::clone(&largest_page));
        let http = StandIn::start(move |call| {
            let mut collections = kept.lock().unwrap();
            let due = |one: &mut Interjection| one.method == call.method && call.raw.contains(&one.id);
            let (before, after) = match waiting.lock().unwrap().take_if(due) {
                Some(one) if one.is_after => (None, Some(one)),
                before => (before, None),
            };
            if let Some(Interjection { id, field, value, .. }) = before {
                change(&mut collections, &id, field, value);
            }
            let largest = largest.load(Ordering::SeqCst);
            let response = respond(call, &mut collections, with_people, largest).unwrap_or_else(|refusal| refusal);
            if let Some(Interjection { id, field, value, .. }) = after {
                change(&mut collections, &id, field, value);
            }
            response
        })
        .await;
        Self { http, collections, interjection, largest_page }
    }

    fn collections(&self) -> MutexGuard<'_, Collections> {
        self.collections.lock().unwrap()
    }

    /// Inserts a document without checks, as a migration or the predecessor would.
    pub fn put(&self, collection: &str, document: Value) -> String {
        let mut document = document.as_object().unwrap().clone();
        stamp_new(&mut document, "PUBLIC");
        let id = document["_id"].as_str().unwrap().to_owned();
        self.collections().entry(collection.to_owned()).or_default().push(document);
        id
    }

    pub fn documents(&self, collection: &str) -> Vec<Value> {
        self.collections().get(collection).into_iter().flatten().cloned().map(Value::Object).collect()
    }

    /// The public documents of teleconsultations.
    pub fn records(&self) -> Vec<Record> {
        let people: BTreeMap<String, Value> = self
            .documents(PEOPLE)
            .into_iter()
            .map(|person| (person["bandyerId"].as_str().unwrap().to_owned(), person["receivedUserId"].clone()))
            .collect();
        let is_public = |document: &Value| document["__STATE__"] == json!("PUBLIC");
        let record = |document: Value| {
            let mut participants = document["participants"].as_array().unwrap().clone();
            for participant in &mut participants {
                participant["userExternalId"] = people[participant["userBandyerId"].as_str().unwrap()].clone();
            }
            Record {
                id: document["_id"].as_str().unwrap().to_owned(),
                room: document["bandyerRoomId"].as_str().filter(|room| !room.is_empty()).map(str::to_owned),
                number: document["participantsNumber"].as_u64().unwrap().try_into().unwrap(),
                participants,
            }
        };
        self.documents(RECORDS).into_iter().filter(is_public).map(record).collect()
    }

    /// Refuses pages larger than this.
    pub fn limit_pages(&self, largest: usize) {
        self.largest_page.store(largest, Ordering::SeqCst);
    }

    /// Empties all collections.
    pub fn forget(&self) {
        self.collections().clear();
    }

    pub fn document(&self, id: &str) -> Value {
        self.documents(RECORDS).into_iter().find(|document| document["_id"] == json!(id)).unwrap()
    }

    /// Deletes a record permanently, which no request to the server can do.
    pub fn lose(&self, id: &str) {
        self.change(id, "__STATE__", json!("DELETED"));
    }

    /// Changes a field behind the server's back, as another client would.
    pub fn change(&self, id: &str, field: &str, value: Value) {
        change(&mut self.collections(), id, field, value);
    }

    /// As [`CrudStandIn::change`], right before the next call with this method for the record.
    pub fn change_before(&self, method: Method, id: &str, field: &'static str, value: Value) {
        self.interject(Interjection { is_after: false, method, id: id.to_owned(), field, value });
    }

    /// As [`CrudStandIn::change`], right after the next call with this method for the record.
    pub fn change_after(&self, method: Method, id: &str, field: &'static str, value: Value) {
        self.interject(Interjection { is_after: true, method, id: id.to_owned(), field, value });
    }

    fn interject(&self, interjection: Interjection) {
        *self.interjection.lock().unwrap() = Some(interjection);
    }
}

fn change(collections: &mut Collections, id: &str, field: &str, value: Value) {
    let document = collections.get_mut(RECORDS).unwrap().iter_mut().find(|one| one["_id"] == json!(id)).unwrap();
    document.insert(field.to_owned(), value);
    touch(document);
}

fn now() -> Value {
    format!("{:.3}", Timestamp::now()).into()
}

fn stamp_new(document: &mut Map<String, Value>, state: &str) {
    let id = format!("{:024x}", fastrand::u128(..1 << 96));
    document.entry("_id").or_insert_with(|| id.into());
    document.entry("__STATE__").or_insert_with(|| state.into());
    for name in ["createdAt", "updatedAt"] {
        document.entry(name).or_insert_with(now);
    }
}

/// Sets `updatedAt` to a time later than before, so that each change has a distinct one.
fn touch(document: &mut Map<String, Value>) {
    let before: Timestamp = document["updatedAt"].as_str().unwrap().parse().unwrap();
    let next = Timestamp::now().max(before + jiff::SignedDuration::from_millis(1));
    document.insert("updatedAt".to_owned(), format!("{next:.3}").into());
}

type Refusal = (u16, Value);

fn bad_request(message: &str) -> Refusal {
    (400, json!({"statusCode": 400, "error": "Bad Request", "message": message}))
}

fn not_found() -> Refusal {
    (404, json!({"error": "not found"}))
}

fn check_field(name: &str, value: &Value, schema: Schema) -> Result<(), Refusal> {
    if !schema.fields.contains(&name) {
        return Err(bad_request(&format!("Property \"{name}\" is not defined in validation schema")));
    }
    let is_right = match name {
        "participantsNumber" => value.is_u64(),
        // A list, or a single one that is pushed.
        "participants" => value.is_array() || value.is_object(),
        "startDate" | "endDate" => value.as_str().is_some_and(is_date),
        _ => value.is_string(),
    };
    if !is_right {
        return Err(bad_request(&format!("body/{name} is of another type")));
    }
    let participants = match (name, value) {
        ("participants", Value::Array(list)) => list.as_slice(),
        ("participants", one) => std::slice::from_ref(one),
        _ => &[],
    };
    for participant in participants {
        for (key, value) in participant.as_object().unwrap() {
            if !schema.participant.contains(&key.as_str()) {
                return Err(bad_request(&format!(
                    "Property \"participants.{key}\" is not defined in validation schema"
                )));
            }
            if value.is_string() == (key == "groups") {
                return Err(bad_request(&format!("body/participants/{key} is of another type")));
            }
        }
    }
    Ok(())
}

/// Whether this is a date in the format of the CRUD Service.
fn is_date(text: &str) -> bool {
    text.len() == "2026-01-01T00:00:00.000Z".len() && text.ends_with('Z') && text.parse::<Timestamp>().is_ok()
}

fn matches(document: &Map<String, Value>, filter: &Value, schema: Schema) -> Result<bool, Refusal> {
    let mut all = true;
    for (name, expected) in filter.as_object().unwrap() {
        if !schema.fields.contains(&name.as_str()) && !AUDIT.contains(&name.as_str()) {
            return Err(bad_request(&format!("Unknown field: {name}")));
        }
        let value = document.get(name).unwrap_or(&Value::Null);
        all &= match expected {
            Value::Object(operator) => {
                assert_eq!(operator.keys().collect::<Vec<_>>(), ["$in"], "{filter}");
                operator["$in"].as_array().unwrap().contains(value)
            }
            plain => plain == value,
        };
    }
    Ok(all)
}

fn respond(
    call: &Call,
    collections: &mut Collections,
    with_people: bool,
    largest_page: usize,
) -> Result<(u16, Value), Refusal> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    if segments == ["-", "healthz"] {
        return Ok((200, json!({"status": "OK"})));
    }
    // Without the slash at the end there is no such route.
    let [name, rest @ ..] = segments.as_slice() else { return Err(not_found()) };
    let schema = schema(name, with_people).ok_or_else(not_found)?;
    let documents = collections.entry((*name).to_owned()).or_default();
    let allowed = ["_q", "_st", "_s", "_l", "_sk"];
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
        return Err(bad_request(&format!("querystring must NOT have additional property {name}")));
    }
    let limit = call.query("_l").map_or(25, |limit| limit.parse().unwrap());
    if limit > largest_page {
        return Err(bad_request(&format!("querystring/_l must be <= {largest_page}")));
    }
    let filter = call.query("_q").map_or_else(|| json!({}), |query| serde_json::from_str(query).unwrap());
    let states: Vec<Value> = call.query("_st").unwrap_or("PUBLIC").split(',').map(Value::from).collect();
    let by_id = |documents: &mut Documents, id: &str, any_state: bool| -> Result<usize, Refusal> {
        for (index, document) in documents.iter().enumerate() {
            let in_state = any_state || states.contains(&document["__STATE__"]);
            if document["_id"] == json!(id) && in_state && matches(document, &filter, schema)? {
                return Ok(index);
            }
        }
        Err(not_found())
    };
    match (&call.method, rest) {
        (&Method::GET, [""]) => {
            let mut found = Vec::new();
            for document in documents.iter().filter(|document| states.contains(&document["__STATE__"])) {
                if matches(document, &filter, schema)? {
                    found.push(document.clone());
                }
            }
            if let Some(field) = call.query("_s") {
                found.sort_by_key(|document| document[field].as_str().unwrap().to_owned());
            }
            let skipped = call.query("_sk").map_or(0, |skip| skip.parse().unwrap());
            found.drain(..found.len().min(skipped));
            found.truncate(limit);
            Ok((200, found.into_iter().map(Value::Object).collect()))
        }
        (&Method::GET, [id]) => by_id(documents, id, false).map(|index| (200, Value::Object(documents[index].clone()))),
        (&Method::POST, [""]) => {
            let mut document = call.body.as_object().cloned().ok_or_else(|| bad_request("body must be object"))?;
            for (name, value) in document.iter().filter(|(name, _)| *name != "__STATE__") {
                check_field(name, value, schema)?;
            }
            if let Some(name) = schema.required.iter().find(|name| !document.contains_key(**name)) {
                return Err(bad_request(&format!("body must have required property '{name}'")));
            }
            stamp_new(&mut document, "DRAFT");
            let id = document["_id"].clone();
            documents.push(document);
            Ok((200, json!({"_id": id})))
        }
        (&Method::PATCH, [id]) if !id.is_empty() => {
            let index = by_id(documents, id, false)?;
            let document = &mut documents[index];
            for (command, fields) in call.body.as_object().unwrap() {
                for (name, value) in fields.as_object().unwrap() {
                    match (command.as_str(), value) {
                        ("$unset", Value::Bool(true)) if schema.fields.contains(&name.as_str()) => {}
                        ("$unset", _) => return Err(bad_request(&format!("body/$unset/{name} must be true"))),
                        _ => check_field(name, value, schema)?,
                    }
                    match command.as_str() {
                        "$set" => drop(document.insert(name.clone(), value.clone())),
                        "$unset" => drop(document.remove(name)),
                        "$push" => document[name].as_array_mut().unwrap().push(value.clone()),
                        other => return Err(bad_request(&format!("{other} is not a command"))),
                    }
                }
            }
            touch(document);
            Ok((200, Value::Object(document.clone())))
        }
        (&Method::POST, [id, "state"]) => {
            let index = by_id(documents, id, true)?;
            let document = &mut documents[index];
            let (from, to) = (document["__STATE__"].as_str().unwrap(), call.body["stateTo"].as_str().unwrap());
            if !matches!(
                (from, to),
                ("PUBLIC", "DRAFT" | "TRASH") | ("DRAFT", "PUBLIC" | "TRASH") | ("TRASH", "DRAFT" | "DELETED")
            ) {
                return Err(bad_request(&format!("transition from {from} to {to} not allowed.")));
            }
            document.insert("__STATE__".to_owned(), to.into());
            touch(document);
            Ok((204, Value::Null))
        }
        _ => Err(not_found()),
    }
}
