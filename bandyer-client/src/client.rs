//! The client and its accessors for the resources.

mod builder;
mod v1;

use std::fmt;

use http::Method;

pub use self::builder::ClientBuilder;
pub use self::v1::V1;

use crate::channels::Channels;
use crate::company::Company;
use crate::config::{ApiKey, ConfigError};
use crate::credentials::Credentials;
use crate::http::connection::Connection;
use crate::http::raw::RawRequest;
use crate::recordings::Recordings;
use crate::rooms::Rooms;
use crate::sessions::Sessions;
use crate::signatures::Signatures;
use crate::tags::Tags;
use crate::transcripts::Transcripts;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::uploads::Uploads;
use crate::users::Users;
use crate::webhooks::Webhooks;

/// A client of one company's account.
///
/// # Pooling and cloning
///
/// A clone is cheap and shares the connection pool and the retry budget. Create one client at startup and clone it;
/// there is no need to wrap it in an `Arc`.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use bandyer_client::{Client, Environment, Region, UserId};
///
/// let client = Client::builder("ak_test_0123456789ab")
///     .environment(Environment::Sandbox)
///     .region(Region::Eu)
///     .build()?;
/// let doctor = client.users().get(&UserId::new("doc-0007")?).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Connection);

impl Client {
    /// Returns a builder for a client of the company that owns the key.
    pub fn builder(api_key: impl Into<ApiKey>) -> ClientBuilder {
        ClientBuilder::new(api_key.into())
    }

    /// Creates a client from the environment variables `BANDYER_API_SECRET_KEY` and `BANDYER_BASE_URL`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), bandyer_client::ConfigError> {
    /// let client = bandyer_client::Client::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if one of them is missing or invalid.
    pub fn from_env() -> Result<Self, ConfigError> {
        ClientBuilder::from_env()?.build()
    }

    /// Users: the people who may enter rooms.
    #[must_use]
    pub fn users(&self) -> Users {
        Users::new(self.0.clone())
    }

    /// Rooms for video calls.
    #[must_use]
    pub fn rooms(&self) -> Rooms {
        Rooms::new(self.0.clone())
    }

    /// Access tokens for the vendor's mobile and web SDKs.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.0.clone())
    }

    /// The settings of the company: name, theme, backgrounds, translations, recording settings and keys.
    #[must_use]
    pub fn company(&self) -> Company {
        Company::new(self.0.clone())
    }

    /// Sessions: continuous uses of rooms.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.0.clone())
    }

    /// Recordings of sessions.
    #[must_use]
    pub fn recordings(&self) -> Recordings {
        Recordings::new(self.0.clone())
    }

    #[doc = v2_only!()]
    /// Transcripts and summaries of recorded sessions.
    #[must_use]
    pub fn transcripts(&self) -> Transcripts {
        Transcripts::new(self.0.clone())
    }

    /// Files and snapshots that were uploaded in rooms.
    #[must_use]
    pub fn uploads(&self) -> Uploads {
        Uploads::new(self.0.clone())
    }

    /// Labels for uploads.
    #[must_use]
    pub fn tags(&self) -> Tags {
        Tags::new(self.0.clone())
    }

    #[doc = v2_only!()]
    /// Chat channels, identified by an id. v1 has [`chats`](V1::chats) instead.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels::new(self.0.clone())
    }

    /// Webhooks: the addresses that receive the vendor's events.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks {
        Webhooks::new(self.0.clone())
    }

    #[doc = v2_only!()]
    /// Electronic signatures of documents.
    #[must_use]
    pub fn signatures(&self) -> Signatures {
        Signatures::new(self.0.clone())
    }

    /// What v1 alone has: chats, broadcasts, the tokens of access links, the activity log, and some operations on users, rooms,
    /// sessions, recordings and webhooks.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let rooms = client.v1().users().rooms(&user).into_stream().try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn v1(&self) -> V1 {
        V1::new(self.0.clone())
    }

    /// Calls an operation that this crate has no method for. Key, retries, limits and errors are the same.
    ///
    /// The segments follow the path prefix of the API version (`/rest` or `/v2`). Each segment is escaped.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let tags: serde_json::Value =
    ///     client.request(http::Method::GET, &["tags"]).query("limit", "5").decode().send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: &[&str]) -> RawRequest {
        RawRequest::new(self.0.clone(), method, path)
    }

    /// The API version that this client uses.
    #[must_use]
    pub fn api_version(&self) -> ApiVersion {
        self.0.version()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api_version", &self.0.version()).finish_non_exhaustive()
    }
}
