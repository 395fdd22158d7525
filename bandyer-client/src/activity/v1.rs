use jiff::Timestamp;
use serde::Deserialize;

use crate::activity::{Activity, ActivityFilter, ActivityKind, ActivityRoom};
use crate::http::call::iso_millis;
use crate::http::call::{Call, Wire};
use crate::http::decode::json;
use crate::http::lenient;
use crate::operations::Operation;
use crate::rooms::CallType;
use crate::types::ids::{RoomId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;

#[derive(Deserialize)]
struct Record {
    activity_type: ActivityKind,
    user_alias: UserId,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
    room: Option<RoomRecord>,
}

#[derive(Deserialize)]
struct RoomRecord {
    room_alias: RoomId,
    #[serde(default, deserialize_with = "lenient::flag")]
    recording: Option<bool>,
    #[serde(default)]
    users: Vec<UserId>,
    initiator: Option<UserId>,
    call_type: Option<CallType>,
}

impl From<Record> for Activity {
    fn from(record: Record) -> Self {
        let room = |room: RoomRecord| ActivityRoom {
            id: room.room_alias,
            recording: room.recording,
            users: room.users,
            initiator: room.initiator,
            call_type: room.call_type,
        };
        Self {
            kind: record.activity_type,
            user_id: record.user_alias,
            at: record.creation_date,
            room: record.room.map(room),
        }
    }
}

pub(crate) fn list(filter: &ActivityFilter, window: Window) -> Wire<Page<Activity>> {
    #[derive(Deserialize)]
    struct Listed {
        activities: Vec<Record>,
    }
    Call::v1(Operation::ListActivity, &[])
        .filter_window(window)
        .query("filter[user_alias]", filter.user.as_ref())
        .query("filter[room_alias]", filter.room.as_ref())
        .query("filter[activity_type]", filter.kind.as_ref())
        .query("filter[date_from]", filter.from.map(iso_millis))
        .query("filter[date_to]", filter.to.map(iso_millis))
        .decode_with(move |body| {
            let Listed { activities } = json(body)?;
            Ok(Page::inferred(activities.into_iter().map(Activity::from).collect(), window))
        })
}
