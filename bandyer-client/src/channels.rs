//! Chat channels of v2.
//!
//! Paths and fields are inferred, because only the names of the vendor's pages are known.

pub(crate) mod v2;

use jiff::Timestamp;

use crate::chats::Message;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::v2_only;
use crate::types::ids::{ChannelId, UserId};
use crate::types::model::model;

model! {
    /// A chat between two users.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Channel {
        required {
            /// The id.
            id: ChannelId = "id" | "channel_id",
        }
        optional {
            /// The users of the chat.
            users: Vec<UserId> = "users" | "participants",
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

handle! {
    #[doc = v2_only!()]
    /// Operations on chat channels of v2; from [`Client::channels`](crate::Client::channels).
    ///
    /// On v1 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported). Use
    /// [`V1::chats`](crate::V1::chats) there.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    ///
    /// let (doctor, patient) = (UserId::new("doc-0007")?, UserId::new("pat-0042")?);
    /// let channel = client.channels().create(&doctor, &patient).send().await?;
    /// client.channels().send_message(&channel.id, &doctor, "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    Channels
}

impl Channels {
    #[doc = v2_only!()]
    /// Lists the channels. The path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let channels = client.channels().list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Channel> {
        List::new(&self.connection, Operation::ListChannels, (), |_, (), window| Ok(v2::list(window)))
    }

    #[doc = v2_only!()]
    /// Creates a channel between two users. Not retried once it may have reached the vendor. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// let channel = client.channels().create(&doctor, &patient).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, one: &UserId, other: &UserId) -> Request<Channel> {
        self.connection.request(Operation::CreateChannel, |_| v2::create(one, other))
    }

    #[doc = v2_only!()]
    /// Reads one channel. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{ChannelId, Client};
    /// # async fn run(client: Client, channel: ChannelId) -> bandyer_client::Result<()> {
    /// let people = client.channels().get(&channel).send().await?.users;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: &ChannelId) -> Request<Channel> {
        self.connection.request(Operation::GetChannel, |_| v2::get(id))
    }

    #[doc = v2_only!()]
    /// Deletes a channel and its messages. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{ChannelId, Client};
    /// # async fn run(client: Client, channel: ChannelId) -> bandyer_client::Result<()> {
    /// client.channels().delete(&channel).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: &ChannelId) -> Request<()> {
        self.connection.request(Operation::DeleteChannel, |_| v2::delete(id))
    }

    #[doc = v2_only!()]
    /// Lists the messages of a channel. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{ChannelId, Client};
    /// # async fn run(client: Client, channel: ChannelId) -> bandyer_client::Result<()> {
    /// for message in client.channels().messages(&channel).send().await?.items {
    ///     println!("{} characters", message.text.as_str().chars().count());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn messages(&self, id: &ChannelId) -> List<Message, ChannelId> {
        List::new(&self.connection, Operation::ListChannelMessages, id.clone(), |_, id, window| {
            Ok(v2::messages(id, window))
        })
    }

    #[doc = v2_only!()]
    /// Sends a message to a channel. Not retried once it may have reached the vendor. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{ChannelId, Client, UserId};
    /// # async fn run(client: Client, channel: ChannelId, doctor: UserId) -> bandyer_client::Result<()> {
    /// client.channels().send_message(&channel, &doctor, "See you at four.").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_message(&self, id: &ChannelId, sender: &UserId, text: &str) -> Request<Message> {
        self.connection.request(Operation::SendChannelMessage, |_| v2::send(id, sender, text))
    }
}
