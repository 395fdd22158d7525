use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_with::skip_serializing_none;

use crate::broadcasts::{Broadcast, NewBroadcast};
use crate::http::call::{Call, Wire};
use crate::http::decode::link as read_link;
use crate::http::decode::{json, json_as, page_of};
use crate::http::lenient;
use crate::operations::Operation;
use crate::rooms::Description;
use crate::types::ids::{BroadcastId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;
use crate::types::secret::JoinUrl;

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    publisher_id: &'a UserId,
    description: &'a str,
    panelists: Vec<Panelist<'a>>,
    chat: Option<bool>,
    /// `"0"` or `"1"`; required.
    record: &'a str,
}

#[derive(Serialize)]
struct Panelist<'a> {
    user_id: &'a UserId,
}

#[derive(Deserialize)]
struct Record {
    #[serde(alias = "broadcast_id")]
    id: BroadcastId,
    #[serde(default, deserialize_with = "lenient::text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    chat: Option<bool>,
    #[serde(default, alias = "record", deserialize_with = "lenient::flag")]
    recording: Option<bool>,
    #[serde(default, alias = "publisher", deserialize_with = "publisher")]
    publisher_id: Option<UserId>,
    #[serde(default, deserialize_with = "panelists")]
    panelists: Vec<UserId>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, rename = "creationDate", alias = "creation_date", deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

/// A person is encoded as an id or as an object with an id.
#[derive(Deserialize)]
#[serde(untagged)]
enum Person {
    Id(UserId),
    Object {
        #[serde(alias = "user_id")]
        id: UserId,
    },
    Other(serde::de::IgnoredAny),
}

impl Person {
    fn id(self) -> Option<UserId> {
        match self {
            Self::Id(id) | Self::Object { id } => Some(id),
            Self::Other(_) => None,
        }
    }
}

fn publisher<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    Person::deserialize(deserializer).map(Person::id)
}

fn panelists<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    let people = Vec::<Person>::deserialize(deserializer)?;
    Ok(people.into_iter().filter_map(Person::id).collect())
}

impl From<Record> for Broadcast {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            description: record.description.map(Description::new),
            chat: record.chat,
            recording: record.recording,
            publisher: record.publisher_id,
            panelists: record.panelists,
            status: record.status,
            created_at: record.creation_date,
        }
    }
}

pub(crate) fn create(new: &NewBroadcast) -> Wire<Broadcast> {
    let body = Body {
        publisher_id: &new.publisher,
        description: &new.description,
        panelists: new.panelists.iter().map(|user_id| Panelist { user_id }).collect(),
        chat: new.chat,
        record: if new.recording { "1" } else { "0" },
    };
    Call::v1(Operation::CreateBroadcast, &[]).json(&body).decode_with(json_as::<Record, _>)
}

pub(crate) fn get(id: &BroadcastId) -> Wire<Broadcast> {
    #[derive(Deserialize)]
    struct Enveloped {
        broadcast: Record,
    }
    Call::v1(Operation::GetBroadcast, &[id.as_str()])
        .decode_with(|body| json::<Enveloped>(body).map(|enveloped| enveloped.broadcast.into()))
}

pub(crate) fn list(window: Window) -> Wire<Page<Broadcast>> {
    Call::v1(Operation::ListBroadcasts, &[]).skip_and_limit(window).decode_with(page_of!(window, broadcasts: Record))
}

/// The name of the array is inferred from the list of a user's rooms; that of the company's list is accepted too.
pub(crate) fn of_user(user: &UserId, window: Window) -> Wire<Page<Broadcast>> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(alias = "broadcasts")]
        broadcast_list: Vec<Record>,
    }
    Call::v1(Operation::ListUserBroadcasts, &[user.as_str()]).filter_window(window).decode_with(move |body| {
        let Listed { broadcast_list } = json(body)?;
        Ok(Page::inferred(broadcast_list.into_iter().map(Broadcast::from).collect(), window))
    })
}

pub(crate) fn join_link(id: &BroadcastId, user: &UserId, direct: bool) -> Wire<JoinUrl> {
    Call::v1(Operation::GetBroadcastLink, &[user.as_str()])
        .query("broadcast_id", Some(id))
        .query("direct", direct.then_some(true))
        .decode_with(read_link)
}
