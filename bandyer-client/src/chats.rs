//! Chats of v1, which are identified by their users.

pub(crate) mod v1;

use crate::http::call::Wire;
use crate::http::connection::Connection;
use crate::http::paging::Items;
use crate::operations::Operation;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::http::connection::handle;
use crate::http::paging;
use crate::http::request::{Request, awaitable};
use crate::types::api_version::v1_only;
use crate::types::ids::{ChannelId, UserId};
use crate::types::model::{Lenient, lenient_by_serde, model};
use crate::types::open_enum::open_enum;

/// Minimum number of users of a chat. Source: the vendor's chat page.
const MIN_USERS: usize = 2;

/// The text of a message. Its `Debug` shows only the length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(Box<str>);

lenient_by_serde!(MessageText);

impl MessageText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for MessageText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for MessageText {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageText({} bytes)", self.0.len())
    }
}

model! {
    /// A message. Its text is `message` in requests and `body` in responses; its author is `sender` or `from`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Message {
        required {
            /// The text.
            text: MessageText = "body" | "message",
        }
        optional {
            /// The id, if the response contains one.
            id: Option<String> = "id" | "message_id",
            /// The position in the chat, starting at 0.
            index: Option<u64> = "index",
            /// The author.
            sender: Option<UserId> = "from" | "sender",
            /// When it was sent.
            sent_at: Option<Timestamp> = "date" | "timestamp" | "creation_date",
        }
    }
}

model! {
    /// A chat of one user.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct UserChat {
        required {}
        optional {
            /// The users of the chat.
            users: Vec<UserId> = "users",
            /// The channel of the chat, if the response contains it.
            channel_id: Option<ChannelId> = "channel_id",
            /// The number of unread messages.
            unread: Option<u64> = "unread_messages_count",
            /// The newest message.
            last_message: Option<Message> = "last_message",
        }
    }
}

open_enum! {
    /// The order of messages.
    pub enum MessageOrder {
        /// Oldest first.
        OldestFirst = "asc",
        /// Newest first.
        NewestFirst = "desc",
    }
}

model! {
    /// An opaque cursor that identifies a page of messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MessageCursor {
        required {
            /// The number of the page.
            number: CursorPart = "page_number",
        }
        optional {
            /// The number of messages per page.
            size: Option<CursorPart> = "page_size",
            /// What identifies the page.
            token: Option<CursorPart> = "page_token",
        }
    }
}

/// A part of a cursor. In the vendor's sample, numbers are strings; it is sent back unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorPart(String);

impl From<&str> for CursorPart {
    fn from(part: &str) -> Self {
        Self(part.to_owned())
    }
}

impl fmt::Display for CursorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Lenient for CursorPart {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text.clone())),
            Value::Number(number) => Some(Self(number.to_string())),
            _ => None,
        }
    }

    fn write(&self) -> Value {
        self.0.as_str().into()
    }
}

/// One page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages.
    pub items: Vec<Message>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<MessageCursor>,
    /// The cursor of the previous page; `None` on the first page.
    pub previous: Option<MessageCursor>,
}

handle! {
    #[doc = v1_only!()]
    /// Operations on chats of v1; from [`V1::chats`](crate::V1::chats).
    ///
    /// On v2 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported). Use
    /// [`Client::channels`](crate::Client::channels) there.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    ///
    /// let both = [UserId::new("doc-0007")?, UserId::new("pat-0042")?];
    /// client.v1().chats().create(&both).send().await?;
    /// client.v1().chats().send_message(&both, &both[0], "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    Chats
}

impl Chats {
    #[doc = v1_only!()]
    /// Creates a chat between at least two users.
    ///
    /// The vendor does not document whether a second request for the same users creates a second chat. The request is
    /// therefore not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// client.v1().chats().create(&[doctor, patient]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, users: &[UserId]) -> Request<()> {
        self.between(Operation::CreateChat, users, v1::create)
    }

    #[doc = v1_only!()]
    /// Removes the chat between users.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// client.v1().chats().remove(&[doctor, patient]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, users: &[UserId]) -> Request<()> {
        self.between(Operation::RemoveChat, users, v1::remove)
    }

    #[doc = v1_only!()]
    /// Sends a message to the chat between users. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// let both = [doctor, patient];
    /// let sent = client.v1().chats().send_message(&both, &both[0], "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_message(&self, users: &[UserId], sender: &UserId, text: &str) -> Request<Message> {
        self.between(Operation::SendChatMessage, users, |users| v1::send(users, sender, text))
    }

    /// Reads the messages between users. The vendor does not document how to encode the users in the query. They are
    /// sent as one parameter each.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// use bandyer_client::chats::MessageOrder;
    ///
    /// let messages = client.v1().chats().messages(&[doctor, patient]).order(MessageOrder::NewestFirst);
    /// let newest = messages.page_size(10).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn messages(&self, users: &[UserId]) -> ChatMessages {
        ChatMessages { connection: self.connection.clone(), users: users.to_vec(), query: MessageQuery::default() }
    }

    fn between<T>(
        &self,
        operation: Operation,
        users: &[UserId],
        wire: impl FnOnce(&[UserId]) -> Wire<T>,
    ) -> Request<T> {
        between(&self.connection, operation, users, wire)
    }
}

fn between<T>(
    connection: &Connection,
    operation: Operation,
    users: &[UserId],
    wire: impl FnOnce(&[UserId]) -> Wire<T>,
) -> Request<T> {
    connection.try_request(operation, |_| {
        if users.len() < MIN_USERS {
            return Err("a chat has at least two users".into());
        }
        Ok(wire(users))
    })
}

#[derive(Debug, Clone, Default)]
pub(crate) struct MessageQuery {
    pub(crate) order: Option<MessageOrder>,
    pub(crate) page_size: Option<u32>,
    pub(crate) cursor: Option<MessageCursor>,
}

/// A request for the messages of a chat; from [`Chats::messages`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ChatMessages {
    connection: Connection,
    users: Vec<UserId>,
    query: MessageQuery,
}

awaitable!(ChatMessages => MessagePage);

impl ChatMessages {
    /// Sets the order of the messages.
    pub fn order(mut self, order: MessageOrder) -> Self {
        self.query.order = Some(order);
        self
    }

    /// Sets the number of messages per page. The vendor's default is 50.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.query.page_size = Some(size);
        self
    }

    /// Starts at the page that this cursor identifies.
    pub fn at(mut self, cursor: MessageCursor) -> Self {
        self.query.cursor = Some(cursor);
        self
    }

    #[doc = v1_only!()]
    /// Converts this into a [`Request`] for one page, for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<MessagePage> {
        between(&self.connection, Operation::ListChatMessages, &self.users, |users| v1::messages(users, &self.query))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<MessagePage> {
        self.into_request().send().await
    }

    #[doc = v1_only!()]
    /// Streams all messages from here on and requests each page when it is needed. An error ends the stream.
    pub fn into_stream(self) -> Items<Message> {
        paging::by_cursor(Operation::ListChatMessages.name(), move |cursor| {
            let mut request = self.clone();
            request.query.cursor = cursor.or(request.query.cursor);
            async move {
                let page = request.send().await?;
                Ok((page.items, page.next))
            }
        })
    }
}
