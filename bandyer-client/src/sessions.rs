//! Sessions: continuous uses of a room or broadcast.

pub(crate) mod v1;
mod v1_only;
pub(crate) mod v2;

use std::time::Duration;

use jiff::Timestamp;

use crate::http::call::Unsendable;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v1_only, v2_only};
use crate::types::ids::{BroadcastId, RoomId, SessionId, UserId};
use crate::types::model::model;
use crate::types::open_enum::open_enum;

pub use self::v1_only::V1Sessions;

model! {
    /// One continuous use of a room or broadcast.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Session {
        required {
            /// The id.
            id: SessionId = "id" | "session_id",
        }
        optional {
            /// The room; `None` for a session of a broadcast.
            room_id: Option<RoomId> = "room_id",
            /// The broadcast; `None` for a session of a room.
            broadcast_id: Option<BroadcastId> = "broadcast_id",
            /// When the session started.
            created_at: Option<Timestamp> = "creation_date",
            /// The duration; `None` or zero until the vendor has computed it.
            duration: Option<Duration> = "duration",
            /// The participants.
            participants: Vec<UserId> = "connected_participants",
        }
    }
}

open_enum! {
    /// A change of a participant's connection.
    pub enum ConnectionChange {
        /// The participant connected.
        Connected = "user_connect",
        /// The participant disconnected.
        Disconnected = "user_disconnect",
        /// The connection was lost.
        Crashed = "user_crashed",
    }
}

model! {
    /// A connection event of a session.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ConnectionEvent {
        required {
            /// The participant.
            user_id: UserId = "user_id",
            /// What happened.
            change: ConnectionChange = "event",
        }
        optional {
            /// When it happened.
            at: Option<Timestamp> = "timestamp",
        }
    }
}

/// The filter of a list of sessions.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub(crate) room: Option<RoomId>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

impl List<Session, SessionFilter> {
    #[doc = v2_only!()]
    /// Limits the list to one room.
    pub fn room(mut self, room: &RoomId) -> Self {
        self.filter.room = Some(room.clone());
        self
    }

    #[doc = v1_only!()]
    /// Limits the list to sessions that started at or after this time.
    pub const fn from(mut self, moment: Timestamp) -> Self {
        self.filter.from = Some(moment);
        self
    }

    #[doc = v1_only!()]
    /// Limits the list to sessions that started at or before this time.
    pub const fn to(mut self, moment: Timestamp) -> Self {
        self.filter.to = Some(moment);
        self
    }
}

handle! {
    /// Operations on sessions; from [`Client::sessions`](crate::Client::sessions).
    Sessions
}

impl Sessions {
    /// Lists the sessions, newest first.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// for session in client.sessions().list().room(&room).send().await?.items {
    ///     println!("{} people", session.participants.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Session, SessionFilter> {
        List::new(&self.connection, Operation::ListSessions, SessionFilter::default(), |version, filter, window| {
            match version {
                ApiVersion::V1 if filter.room.is_some() => {
                    Err(Unsendable::Unsupported("list the sessions of one room"))
                }
                ApiVersion::V1 => Ok(v1::list(filter, window)),
                ApiVersion::V2 if filter.from.is_some() || filter.to.is_some() => {
                    Err(Unsendable::Unsupported("list the sessions of a time, as far as is documented"))
                }
                ApiVersion::V2 => Ok(v2::list(filter, window)),
            }
        })
    }

    /// Reads one session.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let length = client.sessions().get(&session).send().await?.duration;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: &SessionId) -> Request<Session> {
        self.connection.request(Operation::GetSession, |version| match version {
            ApiVersion::V1 => v1::get(id),
            ApiVersion::V2 => v2::get(id),
        })
    }

    /// Lists the connection events, newest first. On v2 the path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// for event in client.sessions().connections(&session).send().await?.items {
    ///     println!("{:?}: {}", event.at, event.change);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(&self, id: &SessionId) -> List<ConnectionEvent, SessionId> {
        List::new(&self.connection, Operation::ListConnections, id.clone(), |version, id, window| {
            Ok(match version {
                ApiVersion::V1 => v1::connections(id, window),
                ApiVersion::V2 => v2::connections(id, window),
            })
        })
    }
}
