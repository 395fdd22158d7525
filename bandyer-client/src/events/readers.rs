//! Deserializers for fields whose format differs between the webhook versions.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::event::UserPresence;
use crate::http::lenient;
use crate::rooms::{Description, Participant, Tools};
use crate::types::ids::{RoomId, SessionId, UserId};
use crate::types::secret::JoinUrl;

/// Field names with the same meaning, from the two webhook versions and the vendor's samples. If a body contains both, the
/// first one is used.
const TWO_NAMES: [(&str, &str); 7] = [
    ("roomAlias", "room_id"),
    ("broadcast_id", "room_id"),
    ("room", "room_id"),
    ("recording", "record"),
    ("participants", "user_urls"),
    ("connected_participants", "connected_users"),
    ("user", "user_id"),
];

pub(super) fn read<T: DeserializeOwned>(data: &Value) -> Option<T> {
    T::deserialize(data).ok().or_else(|| {
        let mut fields = data.as_object()?.clone();
        for (first, second) in TWO_NAMES {
            if fields.contains_key(first) {
                fields.remove(second);
            }
        }
        T::deserialize(Value::Object(fields)).ok()
    })
}

/// Numbers from this one on are milliseconds: in seconds it would be the year 5138, in milliseconds it is 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A timestamp in seconds or milliseconds: the vendor's documentation shows both, for envelopes and for signatures.
pub(super) fn timestamp(number: i64) -> Option<Timestamp> {
    if number >= MILLISECONDS_FROM { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) }.ok()
}

pub(super) fn any_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64().and_then(timestamp),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

pub(super) fn description<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Description>, D::Error> {
    Ok(lenient::text(deserializer)?.map(Description::from))
}

/// A number of users, or a list of users to count.
pub(super) fn user_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        Value::Array(people) => people.len().try_into().ok(),
        _ => None,
    })
}

/// A user who joined or left, in both formats: version 0 has a room with a count, version 1 an id and a count.
#[derive(Deserialize)]
pub(super) struct Presence {
    user_id: UserId,
    #[serde(alias = "room")]
    room_id: Place,
    session_id: Option<SessionId>,
    connected_users_count: Option<u32>,
    #[serde(default, deserialize_with = "lenient::text")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "any_timestamp")]
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Id(RoomId),
    Room { room_id: RoomId, connected_users: Option<u32> },
}

impl From<Presence> for UserPresence {
    fn from(presence: Presence) -> Self {
        let (room_id, counted) = match presence.room_id {
            Place::Id(id) => (id, None),
            Place::Room { room_id, connected_users } => (room_id, connected_users),
        };
        Self {
            user_id: presence.user_id,
            room_id,
            session_id: presence.session_id,
            connected: presence.connected_users_count.or(counted),
            first_name: presence.first_name,
            last_name: presence.last_name,
            email: presence.email,
            timestamp: presence.timestamp,
        }
    }
}

pub(super) fn invited<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Id(UserId),
        Entry { user: Inner },
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "userAlias", alias = "user_id")]
        id: UserId,
    }
    let written = Vec::<Written>::deserialize(deserializer)?;
    Ok(written
        .into_iter()
        .map(|one| match one {
            Written::Id(id) | Written::Entry { user: Inner { id } } => id,
        })
        .collect())
}

/// Entries with a user. The sample of version 0 also shows links without a user, which are left out.
pub(super) fn invitees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Participant>, D::Error> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(alias = "user_id")]
        user: UserId,
        url: Option<JoinUrl>,
        #[serde(default, deserialize_with = "lenient::flag")]
        is_admin: Option<bool>,
        tools: Option<Tools>,
    }
    let entries = Vec::<Value>::deserialize(deserializer)?;
    let participant = |entry: Entry| Participant {
        user_id: entry.user,
        join_url: entry.url,
        is_admin: entry.is_admin,
        tools: entry.tools,
    };
    Ok(entries.iter().filter_map(read).map(participant).collect())
}
