//! The people of a room that exists. Second generation alone: a room of the first cannot be changed.

use crate::client::Client;
use crate::error::Result;
use crate::http::request::Request;
use crate::model::ids::{RoomId, UserId};
use crate::model::page::Page;
use crate::wire::{Wire, v2};

use super::{NewParticipant, Participant, Rooms, Tools};

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
        Rooms::new(self.client).v2_only(operation, wire)
    }

    /// Lists the people. The path of the collection is inferred: one client spells it in two ways.
    pub const fn list(self) -> ListParticipants<'a> {
        ListParticipants { of: self, offset: 0, page_size: None, admin: None }
    }

    /// Invites one more person, who gets a link.
    ///
    /// It is not repeated once it may have reached the vendor: nothing tells whether a second time would be refused or
    /// give a second link.
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
    pub fn get(&self, user: &UserId) -> Request<'a, Participant> {
        self.request("get participant", || v2::participants::get(&self.room, user))
    }

    /// Changes what a person may do. What is not set stays as it is.
    pub fn update(self, user: &UserId) -> UpdateParticipant<'a> {
        UpdateParticipant { of: self, user: user.clone(), change: ParticipantChange::default() }
    }

    /// Takes a person out; the link stops working.
    pub fn remove(&self, user: &UserId) -> Request<'a, ()> {
        self.request("remove participant", || v2::participants::remove(&self.room, user))
    }
}

/// A list of people; from [`RoomParticipants::list`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct ListParticipants<'a> {
    of: RoomParticipants<'a>,
    offset: u64,
    page_size: Option<u32>,
    admin: Option<bool>,
}

impl<'a> ListParticipants<'a> {
    /// Skips this many people.
    pub const fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Asks for this many people a page, at most 100.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Asks only for those who lead the call, or only for the others.
    pub const fn admin(mut self, admin: bool) -> Self {
        self.admin = Some(admin);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, Page<Participant>> {
        let Self { of, offset, page_size, admin } = self;
        of.request("list participants", || v2::participants::list(&of.room, offset, page_size, admin))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Page<Participant>> {
        self.into_request().send().await
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
