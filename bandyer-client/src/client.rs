//! The client and its doors to the resources.

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
use crate::wire::{Lacking, Offer, Wire};

/// The handle of a resource: a borrowed client and nothing else.
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
/// A clone is cheap and shares the connection pool and the retry budget, so make one client at start and hand out
/// clones; there is no need to wrap it in an `Arc`.
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
    /// Starts a client for the company that owns the key.
    pub fn builder(api_key: impl Into<ApiKey>) -> ClientBuilder {
        ClientBuilder::new(api_key.into())
    }

    /// Makes a client from `BANDYER_API_SECRET_KEY` and `BANDYER_BASE_URL`.
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
    /// [`ConfigError`] when one of them is missing or cannot be used.
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

    /// The people who may enter rooms.
    #[must_use]
    pub const fn users(&self) -> Users<'_> {
        Users::new(self)
    }

    /// The rooms people meet in.
    #[must_use]
    pub const fn rooms(&self) -> Rooms<'_> {
        Rooms::new(self)
    }

    /// Tokens for the vendor's mobile and web SDKs.
    #[must_use]
    pub const fn credentials(&self) -> Credentials<'_> {
        Credentials::new(self)
    }

    /// The company's own settings: name, theme, backgrounds, translations, recording settings and keys.
    #[must_use]
    pub const fn company(&self) -> Company<'_> {
        Company::new(self)
    }

    /// Continuous uses of rooms.
    #[must_use]
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions::new(self)
    }

    /// What was recorded.
    #[must_use]
    pub const fn recordings(&self) -> Recordings<'_> {
        Recordings::new(self)
    }

    /// What was said, in writing. v2 only.
    #[must_use]
    pub const fn transcripts(&self) -> Transcripts<'_> {
        Transcripts::new(self)
    }

    /// Files and snapshots from rooms.
    #[must_use]
    pub const fn uploads(&self) -> Uploads<'_> {
        Uploads::new(self)
    }

    /// Labels for uploads.
    #[must_use]
    pub const fn tags(&self) -> Tags<'_> {
        Tags::new(self)
    }

    /// Chats, found by who takes part. v1 only; see [`channels`](Self::channels).
    #[must_use]
    pub const fn chats(&self) -> Chats<'_> {
        Chats::new(self)
    }

    /// Chat channels, found by their id. v2 only; see [`chats`](Self::chats).
    #[must_use]
    pub const fn channels(&self) -> Channels<'_> {
        Channels::new(self)
    }

    /// One-to-many calls. v1 only.
    #[must_use]
    pub const fn broadcasts(&self) -> Broadcasts<'_> {
        Broadcasts::new(self)
    }

    /// The tokens behind personal links. v1 only.
    #[must_use]
    pub const fn links(&self) -> Links<'_> {
        Links::new(self)
    }

    /// Where the vendor reports what happens.
    #[must_use]
    pub const fn webhooks(&self) -> Webhooks<'_> {
        Webhooks::new(self)
    }

    /// What was signed, or is to be.
    #[must_use]
    pub const fn signatures(&self) -> Signatures<'_> {
        Signatures::new(self)
    }

    /// What users did with the vendor's SDKs. v1 only.
    #[must_use]
    pub const fn activity(&self) -> ActivityLog<'_> {
        ActivityLog::new(self)
    }

    /// Calls an operation that this crate has no method for, with the same key, retries, limits and errors.
    ///
    /// The segments follow the prefix of the generation (`/rest` or `/v2`) and are escaped one by one.
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

    /// The generation of the API that this client speaks.
    #[must_use]
    pub fn api_version(&self) -> ApiVersion {
        self.0.version
    }

    /// Makes a request of what the client's generation has for it.
    pub(crate) fn offered<T>(
        &self,
        operation: &'static str,
        offer: impl FnOnce(ApiVersion) -> Offer<T>,
    ) -> Request<'_, T> {
        let version = self.api_version();
        Request::new(self, operation, offer(version).map_err(|lacking| Error::lacking(operation, version, lacking)))
    }

    /// Makes a request of an operation that both generations have.
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

    /// Makes a request of an operation that only one generation has.
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
