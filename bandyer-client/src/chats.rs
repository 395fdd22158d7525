//! Chats of the first generation, which are found by who takes part.

use std::fmt;

use futures_core::Stream;
use jiff::Timestamp;

use crate::client::{Client, handle};
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::paging;
use crate::http::request::Request;
use crate::model::ids::{ChannelId, UserId};
use crate::model::open_enum::open_enum;
use crate::wire::v1;

/// Fewest people of a chat. Source: the vendor's chat page.
const MIN_USERS: usize = 2;

const LIST_MESSAGES: &str = "list chat messages";

/// What somebody wrote. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(Box<str>);

impl MessageText {
    pub(crate) fn new(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageText({} bytes)", self.0.len())
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its id, where the vendor tells one.
    pub id: Option<String>,
    /// Its place in the chat, from 0.
    pub index: Option<u64>,
    /// What was written.
    pub text: MessageText,
    /// Who wrote it.
    pub sender: Option<UserId>,
    /// When.
    pub sent_at: Option<Timestamp>,
}

/// A chat of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserChat {
    /// Who takes part.
    pub users: Vec<UserId>,
    /// The channel behind it, where the vendor tells it.
    pub channel_id: Option<ChannelId>,
    /// How many messages the user has not read.
    pub unread: Option<u64>,
    /// The newest message.
    pub last_message: Option<Message>,
}

open_enum! {
    /// Which messages come first.
    pub enum MessageOrder {
        /// The oldest.
        OldestFirst = "asc",
        /// The newest.
        NewestFirst = "desc",
    }
}

/// Where the next page of messages is. Opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCursor {
    pub(crate) number: String,
    pub(crate) size: Option<String>,
    pub(crate) token: Option<String>,
}

/// One page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages.
    pub items: Vec<Message>,
    /// Where it goes on; none at the end.
    pub next: Option<MessageCursor>,
    /// Where the page before is; none at the beginning.
    pub previous: Option<MessageCursor>,
}

handle! {
    /// Operations on chats of v1; from [`Client::chats`](crate::Client::chats).
    ///
    /// v1 only: on v2 each ends in [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and
    /// [`Client::channels`](crate::Client::channels) is what to use.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    ///
    /// let both = [UserId::new("doc-0007")?, UserId::new("pat-0042")?];
    /// client.chats().create(&both).send().await?;
    /// client.chats().send_message(&both, &both[0], "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    Chats
}

impl<'a> Chats<'a> {
    /// Creates a chat between at least two users. Whether one between the same users is made twice is not documented, so it
    /// is not repeated once it may have reached the vendor.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// client.chats().create(&[doctor, patient]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(self, users: &[UserId]) -> Request<'a, ()> {
        self.between("create chat", users, v1::chats::create)
    }

    /// Removes the chat between users.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// client.chats().remove(&[doctor, patient]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(self, users: &[UserId]) -> Request<'a, ()> {
        self.between("remove chat", users, v1::chats::remove)
    }

    /// Writes into the chat between users. Not repeated once it may have reached the vendor.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// let both = [doctor, patient];
    /// let sent = client.chats().send_message(&both, &both[0], "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_message(self, users: &[UserId], sender: &UserId, text: &str) -> Request<'a, Message> {
        self.between("send chat message", users, |users| v1::chats::send(users, sender, text))
    }

    /// Reads the messages between users. How the vendor wants the users in the query is not documented; they are sent as
    /// one parameter each.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// use bandyer_client::chats::MessageOrder;
    ///
    /// let messages = client.chats().messages(&[doctor, patient]).order(MessageOrder::NewestFirst);
    /// let newest = messages.page_size(10).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn messages(self, users: &[UserId]) -> ChatMessages<'a> {
        ChatMessages { client: self.client, users: users.to_vec(), query: MessageQuery::default() }
    }

    fn between<T>(
        self,
        operation: &'static str,
        users: &[UserId],
        wire: impl FnOnce(&[UserId]) -> crate::wire::Wire<T>,
    ) -> Request<'a, T> {
        between(self.client, operation, users, wire)
    }
}

fn between<'a, T>(
    client: &'a Client,
    operation: &'static str,
    users: &[UserId],
    wire: impl FnOnce(&[UserId]) -> crate::wire::Wire<T>,
) -> Request<'a, T> {
    if users.len() < MIN_USERS {
        return Request::new(
            client,
            operation,
            Err(Error::invalid_request(operation, "a chat has at least two users")),
        );
    }
    client.only(ApiVersion::V1, operation, || wire(users))
}

#[derive(Debug, Clone, Default)]
pub(crate) struct MessageQuery {
    pub(crate) order: Option<MessageOrder>,
    pub(crate) page_size: Option<u32>,
    pub(crate) cursor: Option<MessageCursor>,
}

/// Messages that are to be read; from [`Chats::messages`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct ChatMessages<'a> {
    client: &'a Client,
    users: Vec<UserId>,
    query: MessageQuery,
}

impl<'a> ChatMessages<'a> {
    /// Chooses which messages come first.
    pub fn order(mut self, order: MessageOrder) -> Self {
        self.query.order = Some(order);
        self
    }

    /// Asks for this many messages a page; the vendor gives 50 unless set.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.query.page_size = Some(size);
        self
    }

    /// Goes on where a page said.
    pub fn at(mut self, cursor: MessageCursor) -> Self {
        self.query.cursor = Some(cursor);
        self
    }

    /// Makes it a [`Request`] for one page, for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, MessagePage> {
        between(self.client, LIST_MESSAGES, &self.users, |users| v1::chats::messages(users, &self.query))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<MessagePage> {
        self.into_request().send().await
    }

    /// Reads all messages from here on, page by page as they are needed. An error is given once and ends the stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Message>> + Send + use<'a> {
        paging::by_cursor(LIST_MESSAGES, move |cursor| {
            let mut asked = self.clone();
            asked.query.cursor = cursor.or(asked.query.cursor);
            async move {
                let page = asked.send().await?;
                Ok((page.items, page.next))
            }
        })
    }
}
