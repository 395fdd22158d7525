//! The builder of a client. The only module that reads environment variables.

use std::env::VarError;
use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use url::Url;

use super::Client;
use crate::config::{ApiKey, ConfigError, Environment, Region, base_url, header_of};
use crate::http::connection::Connection;
use crate::http::retry::RetryPolicy;
use crate::http::transport::{HttpClientBuilder, Transport, TransportSettings};
use crate::types::api_version::ApiVersion;

/// Timeout for DNS, TCP and TLS together. It is well below the attempt timeout, so that a slow connection fails with
/// the connect timeout, after which it is certain that nothing was sent.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of one attempt, from connecting to the last byte of the response.
const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum size of a response, in bytes. A list page of 100 rooms stays well below 1 MiB.
const DEFAULT_MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;
/// A builder for a [`Client`]; from [`Client::builder`].
///
/// Default values (timeouts, attempts, limits) may change in a minor release; the changelog names each change.
#[must_use = "a builder does nothing until `build()` is called"]
pub struct ClientBuilder {
    key: ApiKey,
    environment: Option<Environment>,
    region: Region,
    base_url: Option<String>,
    api_version: Option<ApiVersion>,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    retry: RetryPolicy,
    max_response_bytes: usize,
    user_agent_suffix: Option<String>,
    http_client: Option<HttpClientBuilder>,
}

impl ClientBuilder {
    pub(crate) fn new(key: ApiKey) -> Self {
        Self {
            key,
            environment: None,
            region: Region::Eu,
            base_url: None,
            api_version: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            attempt_timeout: DEFAULT_ATTEMPT_TIMEOUT,
            retry: RetryPolicy::standard(),
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            user_agent_suffix: None,
            http_client: None,
        }
    }

    /// Reads the key and the base URL from the environment variables `BANDYER_API_SECRET_KEY` and `BANDYER_BASE_URL`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if one of them is missing or not Unicode.
    pub fn from_env() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::from_lookup(|name| std::env::var(name))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, ConfigError> {
        let var = |name: &'static str| {
            lookup(name).map_err(|error| match error {
                VarError::NotPresent => ConfigError::MissingVariable(name),
                VarError::NotUnicode(_) => ConfigError::VariableEncoding(name),
            })
        };
        Ok(Self::new(var("BANDYER_API_SECRET_KEY")?.into()).base_url(var("BANDYER_BASE_URL")?))
    }

    /// Selects the vendor's sandbox or production installation. Either this or [`base_url`](Self::base_url) is
    /// required.
    pub const fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Sets the region in which the company's data is stored; Europe by default. Ignored if a base URL is set.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Calls this address instead of the vendor's, for example the emulator, a proxy, or a company's v1 subdomain.
    ///
    /// A path that ends in `/rest` selects [`ApiVersion::V1`], one that ends in `/v2` selects [`ApiVersion::V2`]. Any
    /// other path is kept and extended by the prefix of the API version, which is v2 unless
    /// [`api_version`](Self::api_version) is set. Plain `http` is accepted on loopback only, because each request
    /// contains the key.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the API version. It takes precedence over the path of the base URL.
    pub const fn api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = Some(version);
        self
    }

    /// Sets the timeout for DNS, TCP and TLS together; 5 s by default, and at most three quarters of the
    /// [attempt timeout](Self::attempt_timeout).
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout of one attempt, from connecting to the last byte of the response; 15 s by default.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy; [`RetryPolicy::standard`] by default.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the maximum size of a response, in bytes; 8 MiB by default.
    pub const fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Adds the caller's product to the `user-agent` header, such as `acme-portal/1.2`.
    pub fn user_agent_suffix(mut self, product: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(product.into());
        self
    }

    /// Uses an HTTP client with other settings, for example a proxy or a private certificate authority.
    ///
    /// The connect timeout, the idle timeout of connections and the handling of redirects and retries are replaced by those
    /// of this crate: the key is sent in a custom header, which `reqwest` would forward to the target of a redirect.
    pub fn http_client(mut self, builder: HttpClientBuilder) -> Self {
        self.http_client = Some(builder);
        self
    }

    /// Validates the settings and creates the client. Sends no request.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the key or the base URL is invalid, no target is set, or TLS cannot be set up.
    pub fn build(self) -> Result<Client, ConfigError> {
        let key = header_of(&self.key)?;
        let (base_url, version) = self.target()?;
        if self.http_client.is_none() {
            let has_tls = cfg!(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"));
            if base_url.scheme() == "https" && !has_tls {
                return Err(ConfigError::NoTls);
            }
            // reqwest panics without one.
            #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
            if rustls::crypto::CryptoProvider::get_default().is_none() {
                return Err(ConfigError::NoTlsProvider);
            }
        }
        let mut user_agent = concat!("bandyer-client/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(suffix) = &self.user_agent_suffix {
            user_agent.push(' ');
            user_agent.push_str(suffix);
        }
        let user_agent = HeaderValue::try_from(user_agent).map_err(|_| ConfigError::UserAgent)?;
        let transport = Transport::new(TransportSettings {
            base_url,
            key,
            user_agent,
            connect_timeout: connect_within(self.connect_timeout, self.attempt_timeout),
            max_response_bytes: self.max_response_bytes,
            http_client: self.http_client,
        })?;
        Ok(Client(Connection::new(transport, version, self.attempt_timeout, self.retry)))
    }

    fn target(&self) -> Result<(Url, ApiVersion), ConfigError> {
        if let Some(text) = &self.base_url {
            return base_url(text, self.api_version);
        }
        let environment = match self.environment.ok_or(ConfigError::MissingTarget)? {
            Environment::Production => "",
            Environment::Sandbox if self.region == Region::Eu => "sandbox.",
            Environment::Sandbox => return Err(ConfigError::NoSandbox(self.region.clone())),
        };
        // A region that this crate does not know is accepted, but it must not send the key to another host.
        let is_label = |text: &str| {
            (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_label(self.region.as_str()) {
            return Err(ConfigError::Region);
        }
        let text = format!("https://api.{environment}{}.bandyer.com", self.region);
        base_url(&text, self.api_version)
    }
}

/// Leaves the base URL out: it is not validated yet and may contain a password.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("environment", &self.environment)
            .field("region", &self.region)
            .field("api_version", &self.api_version)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Keeps the connect timeout below the attempt timeout: only a timeout of the connection itself proves that nothing was
/// sent, so it has to fire first.
fn connect_within(connect: Duration, attempt: Duration) -> Duration {
    connect.min(attempt / 4 * 3)
}

#[cfg(test)]
mod tests {
    use std::env::VarError;
    use std::time::Duration;

    use super::{ClientBuilder, connect_within};
    use crate::config::{ConfigError, Environment, Region};

    #[test]
    fn the_connect_timeout_stays_below_the_attempt_timeout() {
        let millis = Duration::from_millis;
        assert_eq!(connect_within(millis(5000), millis(15_000)), millis(5000));
        assert_eq!(connect_within(millis(5000), millis(1000)), millis(750));
    }

    #[test]
    fn environment_and_region_determine_the_host() {
        let url = |environment, region: Region| {
            let builder = ClientBuilder::new("k".into()).environment(environment).region(region);
            builder.target().map(|(url, _)| url.to_string())
        };
        assert_eq!(url(Environment::Sandbox, Region::Eu).unwrap(), "https://api.sandbox.eu.bandyer.com/v2");
        assert_eq!(url(Environment::Production, Region::India).unwrap(), "https://api.in.bandyer.com/v2");
        assert!(matches!(url(Environment::Sandbox, Region::Us), Err(ConfigError::NoSandbox(Region::Us))));
        assert_eq!(url(Environment::Production, Region::from("ap2")).unwrap(), "https://api.ap2.bandyer.com/v2");
        for bad in ["evil.example/x", "", "a@b", "a:b"] {
            assert!(matches!(url(Environment::Production, Region::from(bad)), Err(ConfigError::Region)), "{bad}");
        }
    }

    #[test]
    fn target_is_required() {
        assert!(matches!(ClientBuilder::new("k".into()).build(), Err(ConfigError::MissingTarget)));
    }

    #[test]
    fn invalid_key_is_rejected_without_being_shown() {
        for bad in ["", "canary\n", "canary key", "canäry"] {
            let error = ClientBuilder::new(bad.into()).base_url("https://h").build().unwrap_err();
            assert!(matches!(error, ConfigError::ApiKey(_)));
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn both_environment_variables_are_required() {
        let lookup = |names: &'static [&'static str]| {
            move |name: &str| if names.contains(&name) { Ok("https://h".to_owned()) } else { Err(VarError::NotPresent) }
        };
        assert!(matches!(
            ClientBuilder::from_lookup(lookup(&["BANDYER_API_SECRET_KEY"])),
            Err(ConfigError::MissingVariable("BANDYER_BASE_URL"))
        ));
        assert!(ClientBuilder::from_lookup(lookup(&["BANDYER_API_SECRET_KEY", "BANDYER_BASE_URL"])).is_ok());
        assert!(matches!(
            ClientBuilder::from_lookup(|_| Err(VarError::NotUnicode("x".into()))),
            Err(ConfigError::VariableEncoding("BANDYER_API_SECRET_KEY"))
        ));
    }
}
