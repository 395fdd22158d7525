//! Records of sessions and connections, which both API versions share.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::http::lenient;
use crate::sessions::{ConnectionChange, ConnectionEvent, Session};
use crate::types::ids::{BroadcastId, RoomId, SessionId, UserId};

#[derive(Deserialize)]
pub(crate) struct Record {
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
pub(crate) struct ConnectionRecord {
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
