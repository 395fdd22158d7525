//! The client and its accessors for the resources.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::activity::ActivityLog;
use crate::broadcasts::Broadcasts;
use crate::channels::Channels;
use crate::chats::Chats;
use crate::company::Company;
use crate::config::{ApiKey, ApiVersion, ClientBuilder, ConfigError};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::http::call::{Lacking, Offer, Wire};
use crate::http::raw::RawRequest;
use crate::http::request::Request;
use crate::http::retry::{RetryBudget, RetryPolicy};
use crate::http::transport::Transport;
use crate::links::Links;
use crate::recordings::Recordings;
use crate::rooms::Rooms;
use crate::sessions::Sessions;
use crate::signatures::Signatures;
use crate::tags::Tags;
use crate::transcripts::Transcripts;
use crate::uploads::Uploads;
use crate::users::Users;
use crate::webhook_settings::Webhooks;

/// Defines the handle of a resource, which only borrows the client.
macro_rules! handle {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a> {
            client: &'a $crate::client::Client,
        }

        impl<'a> $name<'a> {
            pub(crate) const fn new(client: &'a $crate::client::Client) -> Self {
                Self { client }
            }
        }
    };
}
pub(crate) use handle;

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
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    version: ApiVersion,
    attempt_timeout: Duration,
    retry: RetryPolicy,
    budget: RetryBudget,
}

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

    pub(crate) fn assemble(
        transport: Transport,
        version: ApiVersion,
        attempt_timeout: Duration,
        retry: RetryPolicy,
    ) -> Self {
        Self(Arc::new(Inner { transport, version, attempt_timeout, retry, budget: RetryBudget::new() }))
    }

    /// Users: the people who may enter rooms.
    #[must_use]
    pub const fn users(&self) -> Users<'_> {
        Users::new(self)
    }

    /// Rooms for video calls.
    #[must_use]
    pub const fn rooms(&self) -> Rooms<'_> {
        Rooms::new(self)
    }

    /// Access tokens for the vendor's mobile and web SDKs.
    #[must_use]
    pub const fn credentials(&self) -> Credentials<'_> {
        Credentials::new(self)
    }

    /// The settings of the company: name, theme, backgrounds, translations, recording settings and keys.
    #[must_use]
    pub const fn company(&self) -> Company<'_> {
        Company::new(self)
    }

    /// Sessions: continuous uses of rooms.
    #[must_use]
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions::new(self)
    }

    /// Recordings of sessions.
    #[must_use]
    pub const fn recordings(&self) -> Recordings<'_> {
        Recordings::new(self)
    }

    /// Transcripts and summaries of recorded sessions. v2 only.
    #[must_use]
    pub const fn transcripts(&self) -> Transcripts<'_> {
        Transcripts::new(self)
    }

    /// Files and snapshots that were uploaded in rooms.
    #[must_use]
    pub const fn uploads(&self) -> Uploads<'_> {
        Uploads::new(self)
    }

    /// Labels for uploads.
    #[must_use]
    pub const fn tags(&self) -> Tags<'_> {
        Tags::new(self)
    }

    /// Chats, identified by their users. v1 only; see [`channels`](Self::channels).
    #[must_use]
    pub const fn chats(&self) -> Chats<'_> {
        Chats::new(self)
    }

    /// Chat channels, identified by an id. v2 only; see [`chats`](Self::chats).
    #[must_use]
    pub const fn channels(&self) -> Channels<'_> {
        Channels::new(self)
    }

    /// One-to-many calls. v1 only.
    #[must_use]
    pub const fn broadcasts(&self) -> Broadcasts<'_> {
        Broadcasts::new(self)
    }

    /// The tokens of access links. v1 only.
    #[must_use]
    pub const fn links(&self) -> Links<'_> {
        Links::new(self)
    }

    /// Webhooks: the addresses that receive the vendor's events.
    #[must_use]
    pub const fn webhooks(&self) -> Webhooks<'_> {
        Webhooks::new(self)
    }

    /// Electronic signatures of documents.
    #[must_use]
    pub const fn signatures(&self) -> Signatures<'_> {
        Signatures::new(self)
    }

    /// The log of what users did with the vendor's SDKs. v1 only.
    #[must_use]
    pub const fn activity(&self) -> ActivityLog<'_> {
        ActivityLog::new(self)
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
    pub fn request(&self, method: Method, path: &[&str]) -> RawRequest<'_> {
        RawRequest::new(self, method, path)
    }

    /// The API version that this client uses.
    #[must_use]
    pub fn api_version(&self) -> ApiVersion {
        self.0.version
    }

    /// Creates a request from the call that the client's API version offers, if it offers one.
    pub(crate) fn offered<T>(
        &self,
        operation: &'static str,
        offer: impl FnOnce(ApiVersion) -> Offer<T>,
    ) -> Request<'_, T> {
        let version = self.api_version();
        Request::new(self, operation, offer(version).map_err(|lacking| Error::lacking(operation, version, lacking)))
    }

    /// Creates a request for an operation of both API versions.
    pub(crate) fn both<T>(
        &self,
        operation: &'static str,
        v1: impl FnOnce() -> Wire<T>,
        v2: impl FnOnce() -> Wire<T>,
    ) -> Request<'_, T> {
        self.offered(operation, |version| {
            Ok(match version {
                ApiVersion::V1 => v1(),
                ApiVersion::V2 => v2(),
            })
        })
    }

    /// Creates a request for an operation of one API version only.
    pub(crate) fn only<T>(
        &self,
        version: ApiVersion,
        operation: &'static str,
        wire: impl FnOnce() -> Wire<T>,
    ) -> Request<'_, T> {
        self.offered(operation, |own| if own == version { Ok(wire()) } else { Err(Lacking::Operation) })
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
        self.0.attempt_timeout
    }

    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        self.0.retry
    }

    pub(crate) fn retry_budget(&self) -> &RetryBudget {
        &self.0.budget
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api_version", &self.0.version).finish_non_exhaustive()
    }
}
