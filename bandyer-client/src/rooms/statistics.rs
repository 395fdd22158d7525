//! The calls that took place in a room, as v1 reports them.

use std::time::Duration;

use jiff::Timestamp;

use crate::types::ids::{SessionId, UserId};
use crate::types::model::model;

model! {
    /// The calls that took place in a room. Only v1 reports them, when one room is read.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RoomStatistics {
        required {}
        optional {
            /// The number of sessions.
            session_count: Option<u64> = "number",
            /// The length of all sessions together.
            duration: Option<Duration> = "seconds" via length,
            /// The number of users.
            user_count: Option<u64> = "users",
            /// The sessions.
            sessions: Vec<RoomSession> = "details",
        }
    }
}

model! {
    /// One session of a room.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RoomSession {
        required {
            /// The id.
            id: SessionId = "session",
        }
        optional {
            /// When it started.
            created_at: Option<Timestamp> = "creationDate",
            /// Its length.
            duration: Option<Duration> = "seconds" via length,
            /// The number of users who were connected.
            user_count: Option<u64> = "users",
            /// Who connected and disconnected, in the order of the response.
            events: Vec<RoomEvent> = "userEvents",
            /// From when to when each user was connected.
            presence: Vec<Presence> = "userActivities",
        }
    }
}

model! {
    /// A user who connected or disconnected.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RoomEvent {
        required {
            /// The user.
            user_id: UserId = "user",
        }
        optional {
            /// What happened, such as `user connected`.
            event: Option<String> = "event",
            /// When it happened.
            at: Option<Timestamp> = "timestamp",
        }
    }
}

model! {
    /// A time for which a user was connected.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Presence {
        required {
            /// The user.
            user_id: UserId = "user",
        }
        optional {
            /// When the user connected.
            from: Option<Timestamp> = "startTime",
            /// When the user disconnected.
            to: Option<Timestamp> = "stopTime",
            /// How long the user was connected.
            duration: Option<Duration> = "seconds",
        }
    }
}

/// A length in three fields: hours, minutes and seconds.
mod length {
    use std::time::Duration;

    use serde_json::Value;

    use crate::types::model::{Field, Fields};

    pub(super) fn read(fields: &Fields, names: &[&str]) -> Option<Duration> {
        let seconds: Duration = fields.first(names)?;
        let part =
            |name, seconds: u64| Duration::from_secs(fields.first::<u32>(&[name]).map_or(0, u64::from) * seconds);
        Some(seconds.saturating_add(part("minutes", 60)).saturating_add(part("hours", 3600)))
    }

    pub(super) fn write(length: &Option<Duration>) -> Option<Value> {
        length.write()
    }
}

/// The statistics are one level below their field.
pub(super) mod dial_info {
    use serde_json::{Value, json};

    use super::RoomStatistics;
    use crate::types::model::{Fields, Lenient};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<RoomStatistics> {
        fields.first::<Fields>(names)?.first(&["sessions"])
    }

    pub(crate) fn write(statistics: &Option<RoomStatistics>) -> Option<Value> {
        statistics.as_ref().map(|statistics| json!({"sessions": statistics.write()}))
    }
}
