//! The people of a room that exists. Second generation alone: a room of the first cannot be changed.

use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::Result;
use crate::http::list::List;
use crate::http::request::Request;
use crate::model::ids::{RoomId, UserId};
use crate::wire::{Lacking, Wire, v2};

use super::{NewParticipant, Participant, Tools};

/// Operations on the people of one room; from [`Rooms::participants`](super::Rooms::participants).
///
/// v2 only: on v1 each ends in [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before anything is sent.
#[derive(Debug, Clone)]
pub struct RoomParticipants<'a> {
    client: &'a Client,
    room: RoomId,
}

impl<'a> RoomParticipants<'a> {
    pub(super) const fn new(client: &'a Client, room: RoomId) -> Self {
        Self { client, room }
    }

    fn request<T>(&self, operation: &'static str, wire: impl FnOnce() -> Wire<T>) -> Request<'a, T> {
        self.client.only(ApiVersion::V2, operation, wire)
    }

    /// Lists the people. The path of the collection is inferred: one client spells it in two ways.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let admins = client.rooms().participants(&room).list().admin(true).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(self) -> List<'a, Participant, ParticipantFilter> {
        let filter = ParticipantFilter { room: self.room, admin: None };
        List::new(self.client, "list participants", filter, |version, filter, window| match version {
            ApiVersion::V1 => Err(Lacking::Operation),
            ApiVersion::V2 => Ok(v2::participants::list(filter, window)),
        })
    }

    /// Invites one more person, who gets a link.
    ///
    /// It is not repeated once it may have reached the vendor: nothing tells whether a second time would be refused or
    /// give a second link.
    ///
    /// Like that of [`list`](Self::list), the path is inferred.
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
    pub fn add(&self, participant: NewParticipant) -> Request<'a, Participant> {
        self.request("add participant", || v2::participants::add(&self.room, &participant))
    }

    /// Reads one person, with the link.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// let link = client.rooms().participants(&room).get(&user).send().await?.join_url;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, user: &UserId) -> Request<'a, Participant> {
        self.request("get participant", || v2::participants::get(&self.room, user))
    }

    /// Changes what a person may do. What is not set stays as it is.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// client.rooms().participants(&room).update(&user).admin(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(self, user: &UserId) -> UpdateParticipant<'a> {
        UpdateParticipant { of: self, user: user.clone(), change: ParticipantChange::default() }
    }

    /// Takes a person out; the link stops working.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// client.rooms().participants(&room).remove(&user).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, user: &UserId) -> Request<'a, ()> {
        self.request("remove participant", || v2::participants::remove(&self.room, user))
    }
}

/// Whom a list of people is narrowed to.
#[derive(Debug, Clone)]
pub struct ParticipantFilter {
    pub(crate) room: RoomId,
    pub(crate) admin: Option<bool>,
}

impl List<'_, Participant, ParticipantFilter> {
    /// Asks only for those who lead the call, or only for the others.
    pub const fn admin(mut self, admin: bool) -> Self {
        self.filter.admin = Some(admin);
        self
    }
}

/// What is to change about a participant.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParticipantChange {
    pub(crate) admin: Option<bool>,
    pub(crate) tools: Option<Tools>,
}

/// A change to a person in a room; from [`RoomParticipants::update`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct UpdateParticipant<'a> {
    of: RoomParticipants<'a>,
    user: UserId,
    change: ParticipantChange,
}

impl<'a> UpdateParticipant<'a> {
    /// Whether this person leads the call.
    pub const fn admin(mut self, yes: bool) -> Self {
        self.change.admin = Some(yes);
        self
    }

    /// What this person may use.
    pub const fn tools(mut self, tools: Tools) -> Self {
        self.change.tools = Some(tools);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, Participant> {
        let Self { of, user, change } = self;
        of.request("update participant", || v2::participants::update(&of.room, &user, &change))
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Participant> {
        self.into_request().send().await
    }
}
