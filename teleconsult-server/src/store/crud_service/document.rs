//! A stored teleconsultation, in the spellings that the predecessor has used over the years.

use std::collections::HashMap;

use bandyer_client::{JoinUrl, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::participants::{Participant, Person, PersonRef, Profile};
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::{Result, StoreError};

/// The names under which a participant's vendor id may stand; new ones are written under the first.
pub(super) const VENDOR_ID_NAMES: [&str; 2] = ["userBandyerId", "bandyerId"];
/// The fields that a compare-and-set names. The list of participants is left out: it holds links, which must be in no
/// URL.
const COMPARED: [&str; 5] = ["updatedAt", "bandyerRoomId", "participantsNumber", "startDate", "endDate"];

/// What the project's schema allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    /// Whether groups and names are stored.
    pub(super) with_profiles: bool,
    /// Whether a missing room is an empty string.
    pub(super) write_empty_room: bool,
}

/// A document as it was read.
pub(super) struct Document(Map<String, Value>);

impl Document {
    pub(super) fn new(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) if fields.contains_key("_id") => Some(Self(fields)),
            _ => None,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        self.get(name)?.as_str()?.parse().ok()
    }

    /// The time of the last change, in milliseconds.
    pub(super) fn version(&self) -> i64 {
        self.moment("updatedAt").map_or(1, Timestamp::as_millisecond)
    }

    /// A filter that matches the document until it is changed. A missing field equals null.
    pub(super) fn filter(&self) -> Value {
        COMPARED.iter().map(|name| ((*name).to_owned(), self.get(name).cloned().unwrap_or_default())).collect()
    }

    pub(super) fn participants(&self) -> &[Value] {
        self.get("participants").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn room(&self) -> Option<&str> {
        self.get("bandyerRoomId")?.as_str().filter(|room| !room.is_empty())
    }

    /// The vendor users whose external ids are not in the document.
    pub(super) fn unnamed_vendor_users(&self) -> Vec<&str> {
        let unnamed = self.participants().iter().filter(|one| text(one, "userExternalId").is_none());
        unnamed.filter_map(vendor_id).collect()
    }

    /// Start and end. Documents before 1.2 have neither, and those with a start may lack an end.
    pub(super) fn schedule(&self) -> Schedule {
        let start = self.moment("startDate").unwrap_or(Timestamp::UNIX_EPOCH);
        let length = self.get("duration").and_then(Value::as_i64).unwrap_or(0).clamp(0, 86_400);
        let end = start.saturating_add(SignedDuration::from_secs(length)).unwrap_or(start);
        Schedule::stored(start, self.moment("endDate").unwrap_or(end))
    }

    pub(super) fn number(&self) -> usize {
        let number = self.get("participantsNumber").and_then(Value::as_f64).map(|number| number as usize);
        number.unwrap_or_else(|| self.participants().len())
    }

    /// The record, of which the journal knows the generation. `names` maps vendor users to external ids.
    pub(super) fn record(
        &self,
        id: &TeleconsultationId,
        generation: i64,
        names: &HashMap<String, ExternalId>,
    ) -> Result<Teleconsultation> {
        let participants = self.participants().iter().map(|one| participant(one, names));
        let room = self.room().map(RoomId::new).transpose();
        Ok(Teleconsultation {
            id: id.clone(),
            base: Base::At { version: self.version(), generation },
            schedule: self.schedule(),
            number: self.number(),
            participants: participants.collect::<Option<_>>().ok_or(UNREADABLE)?,
            room: room.map_err(|_| UNREADABLE)?,
        })
    }
}

const UNREADABLE: StoreError = StoreError::corrupt("a stored teleconsultation cannot be read");

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn vendor_id(participant: &Value) -> Option<&str> {
    VENDOR_ID_NAMES.iter().find_map(|name| text(participant, name))
}

fn participant(value: &Value, names: &HashMap<String, ExternalId>) -> Option<Participant> {
    let vendor = vendor_id(value)?;
    let vendor_user_id = UserId::new(vendor).ok()?;
    let external = text(value, "userExternalId").map(ExternalId::stored);
    let groups = value.get("groups").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Some(Participant {
        person: Person {
            id: external
                .or_else(|| names.get(vendor).cloned())
                .map_or_else(|| PersonRef::Vendor(vendor_user_id.clone()), PersonRef::External),
            profile: Profile {
                groups: groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                full_name: text(value, "fullName").unwrap_or_default().to_owned(),
            },
            language: text(value, "language").map(str::to_owned),
        },
        role: None,
        vendor_user_id,
        access_link: text(value, "accessLinkURL").map(|link| JoinUrl::from(link.to_owned())),
    })
}

/// A time as the platform writes it.
pub(super) fn date(moment: Timestamp) -> Value {
    format!("{moment:.3}").into()
}

/// The value of the predecessor's state field.
pub(super) const fn state(record: &Teleconsultation) -> &'static str {
    if record.room.is_some() { "AVAILABLE" } else { "WAITING_PARTICIPANTS" }
}

/// A participant, merged into the stored one: spellings and fields of others stay.
pub(super) fn participant_document(participant: &Participant, stored: Option<&Value>, schema: Schema) -> Value {
    let mut fields = stored.and_then(Value::as_object).cloned().unwrap_or_default();
    let name = VENDOR_ID_NAMES.into_iter().find(|name| fields.contains_key(*name)).unwrap_or(VENDOR_ID_NAMES[0]);
    fields.insert(name.to_owned(), participant.vendor_user_id.as_str().into());
    let mut put = |name: &str, value: Option<Value>| match value {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.remove(name)),
    };
    put("accessLinkURL", participant.access_link.as_ref().map(|link| link.expose().into()));
    put("language", participant.person.language.as_deref().map(Value::from));
    if schema.with_profiles {
        put("groups", Some(json!(participant.person.profile.groups)));
        put("fullName", Some(participant.person.profile.full_name.as_str().into()));
    }
    Value::Object(fields)
}

/// By which a new document without a room is recognized: fields that do not change, and the vendor users in it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    start: String,
    end: String,
    number: usize,
    vendor_users: Vec<String>,
}

impl Content {
    pub(super) fn of(record: &Teleconsultation) -> Self {
        let text = |moment| format!("{moment:.3}");
        let vendor_users = record.participants.iter().map(|one| one.vendor_user_id.as_str().to_owned());
        Self {
            start: text(record.schedule.start()),
            end: text(record.schedule.end()),
            number: record.number,
            vendor_users: vendor_users.collect(),
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| StoreError::new("cannot encode a write", error))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn filter(&self) -> Value {
        json!({"startDate": self.start, "endDate": self.end, "participantsNumber": self.number})
    }

    /// Whether a document that matches the filter has these vendor users and no room.
    pub(super) fn matches(&self, document: &Value) -> bool {
        let has_room = text(document, "bandyerRoomId").is_some();
        let list = document.get("participants").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        !has_room && list.iter().filter_map(vendor_id).eq(self.vendor_users.iter().map(String::as_str))
    }
}

pub(super) fn new_document(record: &Teleconsultation, schema: Schema) -> Value {
    let participants: Vec<Value> =
        record.participants.iter().map(|one| participant_document(one, None, schema)).collect();
    let mut document = json!({
        "participantsNumber": record.number,
        "participants": participants,
        "teleconsultationState": state(record),
        "startDate": date(record.schedule.start()),
        "endDate": date(record.schedule.end()),
        // By default new documents are drafts, and drafts are not read.
        "__STATE__": "PUBLIC",
    });
    match &record.room {
        Some(room) => document["bandyerRoomId"] = room.as_str().into(),
        None if schema.write_empty_room => document["bandyerRoomId"] = "".into(),
        None => {}
    }
    document
}
