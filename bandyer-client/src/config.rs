//! How a [`Client`](crate::Client) is built. The only module that reads the environment.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use crate::Client;
use crate::http::retry::RetryPolicy;
use crate::http::transport::{HttpClient, Transport, TransportSettings};
use crate::model::open_enum::open_enum;
use crate::model::secret::secret;

/// Time for DNS, TCP and TLS together. Well below the attempt time-out: a time-out that fires while connecting is
/// then known to have sent nothing.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for one try, from connecting to the last byte of the answer.
const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer that is read, in bytes: a list page of 100 rooms stays well below 1 MiB.
const DEFAULT_MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

secret! {
    /// The company's API key (`ak_live_…` or `ak_test_…`). It belongs on servers only, and its `Debug` is redacted.
    ///
    /// ```
    /// let key = bandyer_client::ApiKey::from("ak_test_0123456789ab");
    /// assert_eq!(format!("{key:?}"), "ApiKey([redacted])");
    /// ```
    ApiKey
}

/// Which of the vendor's installations is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// For trials. The vendor offers it in [`Region::Eu`] only, and it does not record.
    Sandbox,
    /// The real thing.
    Production,
}

open_enum! {
    /// Where the vendor keeps the company's data.
    pub enum Region {
        /// Europe.
        Eu = "eu",
        /// India.
        India = "in",
        /// United States.
        Us = "us",
        /// Middle East.
        MiddleEast = "me",
    }
}

/// A generation of the vendor's API. Both are offered behind the same types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// The first generation, under `/rest`.
    V1,
    /// The current generation, under `/v2`.
    V2,
}

impl ApiVersion {
    pub(crate) const fn path_prefix(self) -> &'static str {
        match self {
            Self::V1 => "rest",
            Self::V2 => "v2",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}

/// Why a client could not be built. It happens once, at start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The API key is empty or cannot be sent as a header.
    #[error("the API key is {0}")]
    ApiKey(&'static str),
    /// Neither an environment nor a base URL was given. There is no default: which company is billed is not to
    /// be guessed.
    #[error("neither an environment nor a base URL is set")]
    MissingTarget,
    /// The vendor has no such installation.
    #[error("the sandbox is offered in region eu only, not in {0}")]
    NoSandbox(Region),
    /// The region is no part of a host name.
    #[error("the region is not made of letters, digits and hyphens")]
    Region,
    /// The base URL cannot be used.
    #[error("the base URL {0}")]
    BaseUrl(&'static str),
    /// The user agent suffix cannot be sent as a header.
    #[error("the user agent suffix holds characters that a header cannot carry")]
    UserAgent,
    /// A variable of the environment is not set.
    #[error("the environment variable {0} is not set")]
    MissingVariable(&'static str),
    /// The HTTP client could not be made, for instance because no TLS roots were found.
    #[error("the HTTP client cannot be made")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Collects the settings of a [`Client`]; made by [`Client::builder`].
///
/// Default values (time-outs, tries, limits) may change in a minor release; the changelog names each change.
#[derive(Clone)]
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
    max_answer_bytes: usize,
    user_agent_suffix: Option<String>,
    http_client: Option<HttpClient>,
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
            max_answer_bytes: DEFAULT_MAX_ANSWER_BYTES,
            user_agent_suffix: None,
            http_client: None,
        }
    }

    /// Reads `BANDYER_API_SECRET_KEY` and `BANDYER_BASE_URL`.
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name: &'static str| lookup(name).ok_or(ConfigError::MissingVariable(name));
        Ok(Self::new(var("BANDYER_API_SECRET_KEY")?.into()).base_url(var("BANDYER_BASE_URL")?))
    }

    /// Chooses the vendor's sandbox or production installation. One of this and [`base_url`](Self::base_url) is
    /// needed.
    pub const fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Chooses where the company's data is kept; Europe unless set. Ignored when a base URL is set.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Calls this address instead of the vendor's: for the emulator, a proxy, or a company's own v1 sub-domain.
    ///
    /// A path that ends in `/rest` means [`ApiVersion::V1`], one that ends in `/v2` means [`ApiVersion::V2`]; any
    /// other path is kept and gets the prefix of the generation, which is v2 unless
    /// [`api_version`](Self::api_version) says otherwise. Plain `http` is accepted on loopback only, because the
    /// key travels with each request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Chooses the generation of the API. It wins over what the base URL says.
    pub const fn api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = Some(version);
        self
    }

    /// Limits DNS, TCP and TLS together; 5 s unless set, and at most three quarters of the
    /// [attempt timeout](Self::attempt_timeout).
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Limits one try, from connecting to the last byte of the answer; 15 s unless set.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Chooses how often and how patiently a request is tried again; [`RetryPolicy::standard`] unless set.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Limits how much of an answer is read, in bytes; 8 MiB unless set.
    pub const fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer_bytes = bytes;
        self
    }

    /// Adds the caller's product to the `user-agent` header, such as `acme-portal/1.2`.
    pub fn user_agent_suffix(mut self, product: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(product.into());
        self
    }

    /// Uses an HTTP client made elsewhere, for instance with a proxy or a private certificate authority.
    ///
    /// Its own connect time-out and redirect rules then hold instead of this crate's. **Turn redirects off**: the
    /// key travels in a custom header that `reqwest` forwards to whatever host a redirect names.
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the key or the base URL cannot be used, no target is set, or no TLS set-up is found.
    pub fn build(self) -> Result<Client, ConfigError> {
        let key = header_of(&self.key)?;
        let (base_url, version) = self.target()?;
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
            max_answer_bytes: self.max_answer_bytes,
            http_client: self.http_client,
        })?;
        Ok(Client::assemble(transport, version, self.attempt_timeout, self.retry))
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
        // A region that this crate does not know is accepted, but it must not lead the key to another host.
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

/// Without the base URL: it is not checked yet, and somebody may have put a password into it.
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

fn header_of(key: &ApiKey) -> Result<HeaderValue, ConfigError> {
    if key.expose().is_empty() {
        return Err(ConfigError::ApiKey("empty"));
    }
    if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::ApiKey("not made of printable ASCII characters alone"));
    }
    let mut value =
        HeaderValue::from_str(key.expose()).map_err(|_| ConfigError::ApiKey("not a possible header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Checks the base URL and settles the generation. The path comes out without a trailing slash.
fn base_url(text: &str, explicit: Option<ApiVersion>) -> Result<(Url, ApiVersion), ConfigError> {
    let mut url = Url::parse(text.trim()).map_err(|_| ConfigError::BaseUrl("is not an absolute URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(ConfigError::BaseUrl("must be https: plain http is accepted on loopback only")),
        _ => return Err(ConfigError::BaseUrl("must be https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::BaseUrl("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::BaseUrl("must not have a query or fragment"));
    }
    let mut segments: Vec<String> =
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let in_path = match segments.last().map(String::as_str) {
        Some("rest") => Some(ApiVersion::V1),
        Some("v2") => Some(ApiVersion::V2),
        _ => None,
    };
    let version = explicit.or(in_path).unwrap_or(ApiVersion::V2);
    if in_path.is_some() {
        segments.pop();
    }
    segments.push(version.path_prefix().to_owned());
    url.set_path(&segments.join("/"));
    Ok((url, version))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ApiVersion, ClientBuilder, ConfigError, Environment, Region, base_url, connect_within};

    #[test]
    fn the_connect_timeout_stays_below_the_attempt_timeout() {
        let millis = Duration::from_millis;
        assert_eq!(connect_within(millis(5000), millis(15_000)), millis(5000));
        assert_eq!(connect_within(millis(5000), millis(1000)), millis(750));
    }

    #[test]
    fn the_base_url_settles_the_generation() {
        let table = [
            ("https://h", None, "https://h/v2", ApiVersion::V2),
            ("https://h/", None, "https://h/v2", ApiVersion::V2),
            ("https://h/v2/", None, "https://h/v2", ApiVersion::V2),
            ("https://h/rest", None, "https://h/rest", ApiVersion::V1),
            ("https://h/rest/", None, "https://h/rest", ApiVersion::V1),
            ("https://h/proxy", None, "https://h/proxy/v2", ApiVersion::V2),
            ("https://h/proxy/rest", None, "https://h/proxy/rest", ApiVersion::V1),
            ("https://h", Some(ApiVersion::V1), "https://h/rest", ApiVersion::V1),
            ("https://h/v2", Some(ApiVersion::V1), "https://h/rest", ApiVersion::V1),
            ("http://127.0.0.1:4010/rest", None, "http://127.0.0.1:4010/rest", ApiVersion::V1),
            ("http://[::1]:4010", None, "http://[::1]:4010/v2", ApiVersion::V2),
            (" http://localhost:1 ", None, "http://localhost:1/v2", ApiVersion::V2),
        ];
        for (text, explicit, url, version) in table {
            let (got, generation) = base_url(text, explicit).unwrap();
            assert_eq!((got.as_str(), generation), (url, version), "{text}");
        }
    }

    #[test]
    fn a_base_url_that_would_leak_the_key_or_lose_a_part_is_refused() {
        for bad in [
            "http://api.eu.bandyer.com",
            "http://localhost.example.org",
            "ftp://127.0.0.1",
            "api.eu.bandyer.com",
            "https://user:pass@h",
            "https://h/?a=b",
            "https://h/#x",
            "",
        ] {
            assert!(matches!(base_url(bad, None), Err(ConfigError::BaseUrl(_))), "{bad}");
        }
    }

    #[test]
    fn environment_and_region_make_the_host() {
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
    fn there_is_no_default_target() {
        assert!(matches!(ClientBuilder::new("k".into()).build(), Err(ConfigError::MissingTarget)));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_repeated() {
        for bad in ["", "canary\n", "canary key", "canäry"] {
            let error = ClientBuilder::new(bad.into()).base_url("https://h").build().unwrap_err();
            assert!(matches!(error, ConfigError::ApiKey(_)));
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn the_environment_needs_both_variables() {
        let lookup =
            |names: &'static [&'static str]| move |name: &str| names.contains(&name).then(|| "https://h".to_owned());
        assert!(matches!(
            ClientBuilder::from_lookup(lookup(&["BANDYER_API_SECRET_KEY"])),
            Err(ConfigError::MissingVariable("BANDYER_BASE_URL"))
        ));
        assert!(ClientBuilder::from_lookup(lookup(&["BANDYER_API_SECRET_KEY", "BANDYER_BASE_URL"])).is_ok());
    }
}
