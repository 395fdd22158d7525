//! Broadcasts: calls with a few speakers and many viewers. v1 only.

mod json;
pub(crate) mod v1;

use jiff::Timestamp;

use self::json::{people, person};
use crate::error::Result;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::rooms::Description;
use crate::types::api_version::v1_only;
use crate::types::ids::{BroadcastId, UserId};
use crate::types::model::model;
use crate::types::secret::JoinUrl;

/// Maximum number of panelists of a broadcast. Source: the vendor's broadcast page.
const MAX_PANELISTS: usize = 6;

model! {
    /// A broadcast. Every field except the id is optional, because operations return different fields.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Broadcast {
        required {
            /// The id.
            id: BroadcastId = "broadcast_id" | "id",
        }
        optional {
            /// The description set at creation.
            description: Option<Description> = "description",
            /// Whether the chat is enabled.
            chat: Option<bool> = "chat",
            /// Whether it is recorded.
            recording: Option<bool> = "recording" | "record",
            /// The user who publishes the broadcast.
            publisher: Option<UserId> = "publisher_id" | "publisher" via person,
            /// The other speakers.
            panelists: Vec<UserId> = "panelists" via people,
            /// The state of the broadcast. The vendor does not document the possible values.
            status: Option<String> = "status",
            /// When it was created.
            created_at: Option<Timestamp> = "creationDate" | "creation_date",
        }
    }
}

handle! {
    #[doc = v1_only!()]
    /// Operations on broadcasts; from [`V1::broadcasts`](crate::V1::broadcasts).
    ///
    /// On v2 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    Broadcasts
}

impl Broadcasts {
    /// Creates a broadcast. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    ///
    /// let lecture = client.v1().broadcasts().create(&UserId::new("doc-0007")?, "lecture").recording(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, publisher: &UserId, description: impl Into<String>) -> CreateBroadcast {
        CreateBroadcast {
            of: self.clone(),
            new: NewBroadcast {
                publisher: publisher.clone(),
                description: description.into(),
                panelists: Vec::new(),
                chat: None,
                recording: false,
            },
        }
    }

    #[doc = v1_only!()]
    /// Reads one broadcast.
    ///
    /// ```no_run
    /// # use bandyer_client::{BroadcastId, Client};
    /// # async fn run(client: Client, broadcast: BroadcastId) -> bandyer_client::Result<()> {
    /// let panelists = client.v1().broadcasts().get(&broadcast).send().await?.panelists;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: &BroadcastId) -> Request<Broadcast> {
        self.connection.request(Operation::GetBroadcast, |_| v1::get(id))
    }

    #[doc = v1_only!()]
    /// Lists the broadcasts, newest first.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let broadcasts = client.v1().broadcasts().list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Broadcast> {
        List::new(&self.connection, Operation::ListBroadcasts, (), |_, (), window| Ok(v1::list(window)))
    }

    #[doc = v1_only!()]
    /// Requests the access link of one user. `direct` skips the landing page.
    ///
    /// ```no_run
    /// # use bandyer_client::{BroadcastId, Client, UserId};
    /// # async fn run(client: Client, broadcast: BroadcastId, user: UserId) -> bandyer_client::Result<()> {
    /// let link = client.v1().broadcasts().join_link(&broadcast, &user, true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_link(&self, id: &BroadcastId, user: &UserId, direct: bool) -> Request<JoinUrl> {
        self.connection.request(Operation::GetBroadcastLink, |_| v1::join_link(id, user, direct))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct NewBroadcast {
    pub(crate) publisher: UserId,
    pub(crate) description: String,
    pub(crate) panelists: Vec<UserId>,
    pub(crate) chat: Option<bool>,
    pub(crate) recording: bool,
}

/// The creation of a broadcast; from [`Broadcasts::create`].
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateBroadcast {
    of: Broadcasts,
    new: NewBroadcast,
}

awaitable!(CreateBroadcast => Broadcast);

impl CreateBroadcast {
    /// Sets the speakers in addition to the publisher: at most six.
    pub fn panelists(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.new.panelists = users.into_iter().collect();
        self
    }

    /// Enables or disables the chat; enabled by default.
    pub const fn chat(mut self, yes: bool) -> Self {
        self.new.chat = Some(yes);
        self
    }

    /// Enables or disables recording; disabled by default.
    pub const fn recording(mut self, yes: bool) -> Self {
        self.new.recording = yes;
        self
    }

    #[doc = v1_only!()]
    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<Broadcast> {
        let Self { of: Broadcasts { connection }, new } = self;
        connection.try_request(Operation::CreateBroadcast, |_| {
            if new.panelists.len() > MAX_PANELISTS {
                return Err("a broadcast has at most 6 panelists".into());
            }
            Ok(v1::create(&new))
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Broadcast> {
        self.into_request().send().await
    }
}

/// Leaves the description out, because it may contain personal data.
impl std::fmt::Debug for CreateBroadcast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateBroadcast").field("publisher", &self.new.publisher).finish_non_exhaustive()
    }
}
