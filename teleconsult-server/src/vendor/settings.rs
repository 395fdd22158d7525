//! How the vendor is reached.

use std::time::Duration;

use bandyer_client::{ApiKey, ApiVersion, Client, ConfigError, RetryPolicy};

/// Time for one attempt of a call. Below the SDK's default, because a caller waits for the response.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for all attempts of one call together.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How the vendor is reached.
#[derive(Debug, Clone)]
pub struct VendorSettings {
    /// The company's key (`BANDYER_API_SECRET_KEY`).
    pub api_key: ApiKey,
    /// The address, which implies the generation of the API (`BANDYER_BASE_URL`).
    pub base_url: String,
}

impl VendorSettings {
    /// Host and generation of the API. Another one has other rooms, or none of them.
    #[must_use]
    pub fn identity(&self, generation: ApiVersion) -> String {
        let url = url::Url::parse(&self.base_url);
        let host = url.as_ref().map_or("", |url| &url[url::Position::BeforeHost..url::Position::AfterPort]);
        format!("{host} {generation}")
    }

    /// A client with timeouts that suit a waiting caller.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn client(&self) -> Result<Client, ConfigError> {
        Client::builder(self.api_key.clone())
            .base_url(self.base_url.clone())
            .attempt_timeout(ATTEMPT_TIMEOUT)
            .retry(RetryPolicy::standard().total_timeout(CALL_TIMEOUT))
            .user_agent_suffix(concat!("teleconsult-server/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}
