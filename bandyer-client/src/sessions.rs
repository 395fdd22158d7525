//! Sessions: continuous uses of a room or broadcast.

use std::time::Duration;

use jiff::Timestamp;

use crate::client::handle;
use crate::config::ApiVersion;
use crate::http::list::List;
use crate::http::request::Request;
use crate::model::ids::{BroadcastId, RoomId, SessionId, UserId};
use crate::model::open_enum::open_enum;
use crate::uploads::{Scope, Upload, UploadFilter};
use crate::wire::{Lacking, v1, v2};

/// One continuous use of a room or broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The room, unless it is a broadcast.
    pub room_id: Option<RoomId>,
    /// The broadcast, unless it is a room.
    pub broadcast_id: Option<BroadcastId>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// How long it took; none or zero while the vendor has not computed it.
    pub duration: Option<Duration>,
    /// Who was there.
    pub participants: Vec<UserId>,
}

open_enum! {
    /// What happened to a connection.
    pub enum ConnectionChange {
        /// Somebody came.
        Connected = "user_connect",
        /// Somebody left.
        Disconnected = "user_disconnect",
        /// Somebody was lost.
        Crashed = "user_crashed",
    }
}

/// Somebody who came or left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// Who.
    pub user_id: UserId,
    /// What happened.
    pub change: ConnectionChange,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a list of sessions is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub(crate) room: Option<RoomId>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

impl List<'_, Session, SessionFilter> {
    /// Asks for the sessions of one room. v2 only.
    pub fn room(mut self, room: &RoomId) -> Self {
        self.filter.room = Some(room.clone());
        self
    }

    /// Asks for what began at this moment or later. v1 only.
    pub const fn from(mut self, moment: Timestamp) -> Self {
        self.filter.from = Some(moment);
        self
    }

    /// Asks for what began at this moment or earlier. v1 only.
    pub const fn to(mut self, moment: Timestamp) -> Self {
        self.filter.to = Some(moment);
        self
    }
}

handle! {
    /// Operations on sessions; from [`Client::sessions`](crate::Client::sessions).
    Sessions
}

impl<'a> Sessions<'a> {
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
    pub fn list(self) -> List<'a, Session, SessionFilter> {
        List::new(self.client, "list sessions", SessionFilter::default(), |version, filter, window| match version {
            ApiVersion::V1 if filter.room.is_some() => Err(Lacking::Part("list the sessions of one room")),
            ApiVersion::V1 => Ok(v1::sessions::list(filter, window)),
            ApiVersion::V2 if filter.from.is_some() || filter.to.is_some() => {
                Err(Lacking::Part("list the sessions of a time, as far as is documented"))
            }
            ApiVersion::V2 => Ok(v2::sessions::list(filter, window)),
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
    pub fn get(self, id: &SessionId) -> Request<'a, Session> {
        self.client.both("get session", || v1::sessions::get(id), || v2::sessions::get(id))
    }

    /// Lists who came and left, newest first. On v2 the path is inferred.
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
    pub fn connections(self, id: &SessionId) -> List<'a, ConnectionEvent, SessionId> {
        List::new(self.client, "list connections", id.clone(), |version, id, window| {
            Ok(match version {
                ApiVersion::V1 => v1::sessions::connections(id, window),
                ApiVersion::V2 => v2::sessions::connections(id, window),
            })
        })
    }

    /// Lists what was uploaded in one session. v1 only.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let uploads = client.sessions().uploads(&session).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploads(self, id: &SessionId) -> List<'a, Upload, UploadFilter> {
        UploadFilter::of(Scope::Session(id.clone())).list(self.client, "list session uploads")
    }
}
