//! The participants of an existing room. v2 only: a v1 room cannot be changed.

mod v2;

use crate::error::Result;
use crate::http::connection::Connection;
use crate::http::list::List;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::ids::{RoomId, UserId};

use super::{NewParticipant, Participant, Tools};
use crate::types::api_version::v2_only;

#[doc = v2_only!()]
/// Operations on the participants of one room; from [`Rooms::participants`](super::Rooms::participants).
///
/// On v1 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before anything
/// is sent.
#[derive(Debug, Clone)]
pub struct RoomParticipants {
    connection: Connection,
    room: RoomId,
}

impl RoomParticipants {
    pub(super) const fn new(connection: Connection, room: RoomId) -> Self {
        Self { connection, room }
    }

    #[doc = v2_only!()]
    /// Lists the participants. The path is inferred, because an existing client uses two spellings of it.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let admins = client.rooms().participants(&room).list().admin(true).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Participant, ParticipantFilter> {
        let filter = ParticipantFilter { room: self.room.clone(), admin: None };
        List::new(&self.connection, Operation::ListParticipants, filter, |_, filter, window| {
            Ok(v2::list(filter, window))
        })
    }

    #[doc = v2_only!()]
    /// Adds a participant and returns it with its access link.
    ///
    /// Not retried once it may have reached the vendor, because it is not documented whether a second request would be
    /// rejected or create a second link.
    ///
    /// The path is inferred, like that of [`list`](Self::list).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::rooms::NewParticipant;
    ///
    /// let relative = NewParticipant::new(UserId::new("rel-0001")?);
    /// let invited = client.rooms().participants(&room).add(relative).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, participant: NewParticipant) -> Request<Participant> {
        self.connection.request(Operation::AddParticipant, |_| v2::add(&self.room, &participant))
    }

    #[doc = v2_only!()]
    /// Reads one participant, with the access link.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// let link = client.rooms().participants(&room).get(&user).send().await?.join_url;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, user: &UserId) -> Request<Participant> {
        self.connection.request(Operation::GetParticipant, |_| v2::get(&self.room, user))
    }

    /// Changes the rights of a participant. Fields that are not set stay unchanged.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// client.rooms().participants(&room).update(&user).admin(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(&self, user: &UserId) -> UpdateParticipant {
        UpdateParticipant { of: self.clone(), user: user.clone(), change: ParticipantChange::default() }
    }

    #[doc = v2_only!()]
    /// Removes a participant. The access link stops working.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// client.rooms().participants(&room).remove(&user).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, user: &UserId) -> Request<()> {
        self.connection.request(Operation::RemoveParticipant, |_| v2::remove(&self.room, user))
    }
}

/// The filter of a list of participants.
#[derive(Debug, Clone)]
pub struct ParticipantFilter {
    pub(crate) room: RoomId,
    pub(crate) admin: Option<bool>,
}

impl List<Participant, ParticipantFilter> {
    /// Limits the list to admins, or to participants who are not.
    pub const fn admin(mut self, admin: bool) -> Self {
        self.filter.admin = Some(admin);
        self
    }
}

/// The fields of a participant that change.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParticipantChange {
    pub(crate) admin: Option<bool>,
    pub(crate) tools: Option<Tools>,
}

/// A change to a participant; from [`RoomParticipants::update`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateParticipant {
    of: RoomParticipants,
    user: UserId,
    change: ParticipantChange,
}

awaitable!(UpdateParticipant => Participant);

impl UpdateParticipant {
    /// Sets whether this participant is an admin of the call.
    pub const fn admin(mut self, yes: bool) -> Self {
        self.change.admin = Some(yes);
        self
    }

    /// Sets the tools that this participant may use.
    pub const fn tools(mut self, tools: Tools) -> Self {
        self.change.tools = Some(tools);
        self
    }

    #[doc = v2_only!()]
    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<Participant> {
        let Self { of, user, change } = self;
        of.connection.request(Operation::UpdateParticipant, |_| v2::update(&of.room, &user, &change))
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Participant> {
        self.into_request().send().await
    }
}
