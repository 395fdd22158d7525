use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::ids::{BroadcastId, RoomId, SessionId, UserId};
use crate::model::page::Page;
use crate::sessions::{ConnectionChange, ConnectionEvent, Session, SessionFilter};
use crate::wire::{Call, Window, Wire, json_as, lenient, page_of};

#[derive(Deserialize)]
pub(in crate::wire) struct Record {
    #[serde(alias = "id")]
    session_id: SessionId,
    #[serde(default)]
    room_id: Option<RoomId>,
    #[serde(default)]
    broadcast_id: Option<BroadcastId>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    duration: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::list")]
    connected_participants: Vec<UserId>,
}

impl From<Record> for Session {
    fn from(record: Record) -> Self {
        Self {
            id: record.session_id,
            room_id: record.room_id,
            broadcast_id: record.broadcast_id,
            created_at: record.creation_date,
            duration: record.duration,
            participants: record.connected_participants,
        }
    }
}

#[derive(Deserialize)]
pub(in crate::wire) struct ConnectionRecord {
    user_id: UserId,
    event: ConnectionChange,
    #[serde(default, deserialize_with = "lenient::moment")]
    timestamp: Option<Timestamp>,
}

impl From<ConnectionRecord> for ConnectionEvent {
    fn from(record: ConnectionRecord) -> Self {
        Self { user_id: record.user_id, change: record.event, at: record.timestamp }
    }
}

pub(crate) fn list(filter: &SessionFilter, window: Window) -> Wire<Page<Session>> {
    Call::get(&["session", "list"])
        .skip_and_limit(window)
        .query("start_date", filter.from.map(iso))
        .query("end_date", filter.to.map(iso))
        .decode_with(page_of!(window, sessions: Record))
}

pub(crate) fn of_user(user: &UserId, window: Window) -> Wire<Page<Session>> {
    Call::get(&["user", user.as_str(), "session", "list"])
        .skip_and_limit(window)
        .decode_with(page_of!(window, sessions: Record))
}

pub(crate) fn get(id: &SessionId) -> Wire<Session> {
    Call::get(&["session", id.as_str()]).decode_with(json_as::<Record, _>)
}

pub(crate) fn connections(id: &SessionId, window: Window) -> Wire<Page<ConnectionEvent>> {
    Call::get(&["session", id.as_str(), "connection", "list"])
        .skip_and_limit(window)
        .decode_with(page_of!(window, connection_events: ConnectionRecord))
}

/// Timestamps with milliseconds, as in the vendor's samples; one of the vendor's clients rejects other forms.
pub(in crate::wire) fn iso(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
