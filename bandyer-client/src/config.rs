//! The settings of a client, and what is checked about them.

use std::net::IpAddr;

use http::HeaderValue;
use url::{Host, Url};

use crate::types::api_version::ApiVersion;
use crate::types::open_enum::open_enum;
use crate::types::secret::secret;

secret! {
    /// The company's API key (`ak_live_…` or `ak_test_…`). Keep it on servers. Its `Debug` is redacted.
    ///
    /// ```
    /// let key = bandyer_client::ApiKey::from("ak_test_0123456789ab");
    /// assert_eq!(format!("{key:?}"), "ApiKey([redacted])");
    /// ```
    ApiKey
}

/// An installation of the vendor's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// The installation for testing. It exists in [`Region::Eu`] only and does not record.
    Sandbox,
    /// The installation for production use.
    Production,
}

open_enum! {
    /// The region in which the vendor stores the company's data.
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

/// The reason why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The API key is empty or cannot be sent as a header.
    #[error("the API key is {0}")]
    ApiKey(&'static str),
    /// Neither an environment nor a base URL was given. There is no default, because the target decides which company
    /// is billed.
    #[error("neither an environment nor a base URL is set")]
    MissingTarget,
    /// The vendor has no sandbox in this region.
    #[error("the sandbox is offered in region eu only, not in {0}")]
    NoSandbox(Region),
    /// The region is not a valid label of a host name.
    #[error("the region is not made of letters, digits and hyphens")]
    Region,
    /// The base URL is invalid.
    #[error("the base URL {0}")]
    BaseUrl(&'static str),
    /// The user agent suffix cannot be sent as a header.
    #[error("the user agent suffix contains characters that are not allowed in a header")]
    UserAgent,
    /// An environment variable is not set.
    #[error("the environment variable {0} is not set")]
    MissingVariable(&'static str),
    /// An environment variable is not Unicode.
    #[error("the environment variable {0} is not valid Unicode")]
    VariableEncoding(&'static str),
    /// The target is https, and the crate was built without a TLS feature and without an HTTP client of the caller.
    #[error("https needs one of the features `rustls` and `native-tls`, or an HTTP client with TLS of your own")]
    NoTls,
    /// The crate was built with the feature `rustls-no-provider`, and the program has not installed a provider of cryptography.
    #[error("no provider of cryptography is installed; call `CryptoProvider::install_default` of rustls first")]
    NoTlsProvider,
    /// The HTTP client could not be created, for example because no TLS root certificates were found.
    #[error("the HTTP client cannot be created")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub(crate) fn header_of(key: &ApiKey) -> Result<HeaderValue, ConfigError> {
    if key.expose().is_empty() {
        return Err(ConfigError::ApiKey("empty"));
    }
    if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::ApiKey("not made of printable ASCII characters only"));
    }
    let mut value =
        HeaderValue::from_str(key.expose()).map_err(|_| ConfigError::ApiKey("not a possible header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Validates the base URL and determines the API version. The resulting path has no trailing slash.
pub(crate) fn base_url(text: &str, explicit: Option<ApiVersion>) -> Result<(Url, ApiVersion), ConfigError> {
    let mut url = Url::parse(text.trim()).map_err(|_| ConfigError::BaseUrl("is not an absolute URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(ConfigError::BaseUrl("must be https: plain http is accepted on loopback only")),
        _ => return Err(ConfigError::BaseUrl("must be https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::BaseUrl("must not contain a user name or password"));
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
    use super::{ApiVersion, ConfigError, base_url};

    #[test]
    fn base_url_determines_the_api_version() {
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
            let (actual, actual_version) = base_url(text, explicit).unwrap();
            assert_eq!((actual.as_str(), actual_version), (url, version), "{text}");
        }
    }

    #[test]
    fn unsafe_or_ambiguous_base_url_is_rejected() {
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
}
