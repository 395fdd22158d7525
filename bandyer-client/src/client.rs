//! The client and its doors to the resources.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::config::{ApiKey, ApiVersion, ClientBuilder, ConfigError};
use crate::credentials::Credentials;
use crate::http::raw::RawRequest;
use crate::http::retry::{RetryBudget, RetryPolicy};
use crate::http::transport::Transport;
use crate::rooms::Rooms;
use crate::users::Users;

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
