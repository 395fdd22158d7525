//! The difference between a stored document and the record that it is to become. Only the difference is sent, so that fields
//! of others stay as they are.

use serde_json::{Map, Value, json};

use super::document::{Document, Schema, date, participant_document, state, vendor_id};
use crate::domain::teleconsultation::Teleconsultation;

/// The commands of a PATCH.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    set: Map<String, Value>,
    unset: Vec<&'static str>,
    /// A participant is appended, and all others stay as they are.
    added: Option<Value>,
}

impl Change {
    /// Changes nothing but the time of the last change.
    pub(super) fn touch(read: &Document) -> Self {
        let mut change = Self::default();
        change.set.insert("participantsNumber".to_owned(), read.number().into());
        change
    }

    /// Removes the room and all links.
    pub(super) fn without_links(read: &Document, schema: Schema) -> Self {
        let mut change = Self::default();
        let linked = read.participants().iter().any(|one| one.get("accessLinkURL").is_some());
        if linked {
            let mut list = read.participants().to_vec();
            for fields in list.iter_mut().filter_map(Value::as_object_mut) {
                fields.remove("accessLinkURL");
            }
            change.set.insert("participants".to_owned(), list.into());
        }
        if read.room().is_some() {
            change.set_room(None, schema);
        }
        change
    }

    fn set_room(&mut self, room: Option<&str>, schema: Schema) {
        match room {
            Some(room) => drop(self.set.insert("bandyerRoomId".to_owned(), room.into())),
            None if schema.write_empty_room => drop(self.set.insert("bandyerRoomId".to_owned(), "".into())),
            None => self.unset.push("bandyerRoomId"),
        }
    }

    pub(super) fn between(read: &Document, next: &Teleconsultation, schema: Schema) -> Self {
        let mut change = Self::default();
        let mut set = |name: &str, value: Value| drop(change.set.insert(name.to_owned(), value));
        if read.number() != next.number {
            set("participantsNumber", next.number.into());
        }
        if read.schedule().start() != next.schedule.start() {
            set("startDate", date(next.schedule.start()));
        }
        if read.schedule().end() != next.schedule.end() {
            set("endDate", date(next.schedule.end()));
        }
        let room = next.room.as_ref().map(bandyer_client::RoomId::as_str);
        if read.room() != room {
            change.set_room(room, schema);
            change.set.insert("teleconsultationState".to_owned(), state(next).into());
        }
        change.participants(read.participants(), next, schema);
        change
    }

    fn participants(&mut self, stored: &[Value], next: &Teleconsultation, schema: Schema) {
        let list: Vec<Value> = next
            .participants
            .iter()
            .map(|one| {
                let id = one.vendor_user_id.as_str();
                participant_document(one, stored.iter().find(|stored| vendor_id(stored) == Some(id)), schema)
            })
            .collect();
        match list.split_last() {
            _ if list == stored => {}
            Some((last, before)) if before == stored => self.added = Some(last.clone()),
            _ => drop(self.set.insert("participants".to_owned(), list.into())),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn commands(&self) -> Value {
        let mut commands = Map::new();
        if !self.set.is_empty() {
            commands.insert("$set".to_owned(), Value::Object(self.set.clone()));
        }
        if !self.unset.is_empty() {
            let fields: Map<String, Value> = self.unset.iter().map(|name| ((*name).to_owned(), true.into())).collect();
            commands.insert("$unset".to_owned(), fields.into());
        }
        if let Some(added) = &self.added {
            commands.insert("$push".to_owned(), json!({"participants": added}));
        }
        Value::Object(commands)
    }

    /// Whether a document is what this change makes of it.
    pub(super) fn is_applied(&self, now: &Document) -> bool {
        self.set.iter().all(|(name, value)| now.get(name) == Some(value))
            && self.unset.iter().all(|name| now.get(name).is_none())
            && self.added.as_ref().is_none_or(|added| now.participants().last() == Some(added))
    }
}
