//! Which pages in a browser may call.
//!
//! Behind a gateway, a browser sends its cookies with whatever a page of another site posts. So what has an effect is refused
//! unless the page is the service's own, or its origin is allowed.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::error::ApiError;
use super::response::Response;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// How long a browser may keep the response to a preflight request, in seconds. Chromium keeps none for longer.
const PREFLIGHT_SECONDS: &str = "7200";

/// Origins whose pages may call; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

/// The text is not a list of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of origins")]
pub struct NotOrigins;

impl FromStr for Origins {
    type Err = NotOrigins;

    fn from_str(text: &str) -> Result<Self, NotOrigins> {
        text.split(',').map(|entry| origin(entry.trim()).ok_or(NotOrigins)).collect::<Result<_, _>>().map(Self)
    }
}

/// The origin as browsers write it: without a default port, and nothing after it.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    let is_bare = is_bare && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    is_bare.then(|| url.origin().ascii_serialization())
}

impl Origins {
    /// The origin of the page that sent a request, if it is allowed.
    pub(super) fn listed<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.0.iter().any(|one| one.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    /// Checks the sender of a request that has an effect. `x-forwarded-host` counts if the peer is a trusted proxy.
    ///
    /// # Errors
    ///
    /// 403.
    pub(super) fn check(&self, headers: &HeaderMap, is_proxy_trusted: bool) -> Result<(), ApiError> {
        if self.listed(headers).is_some() {
            return Ok(());
        }
        let is_allowed = match headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            // Only the browser sets it. It knows the address of the page, which a gateway may have changed on the way.
            Some(b"same-origin" | b"none") => true,
            Some(b"cross-site") => false,
            // Programs send no origin.
            _ => headers.get(header::ORIGIN).is_none_or(|origin| is_own(origin, headers, is_proxy_trusted)),
        };
        if is_allowed {
            return Ok(());
        }
        let message = "pages of this origin may not call; TELECONSULT_ALLOWED_ORIGINS lists the ones that may";
        Err(ApiError::coded(StatusCode::FORBIDDEN, "origin_not_allowed", message))
    }

    /// The response to a preflight request, with which a browser asks whether a page may send another one.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let is_preflight = method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight || !headers.contains_key(header::ORIGIN) {
            return None;
        }
        let response = Response::empty(StatusCode::NO_CONTENT);
        if self.listed(headers).is_none() {
            return Some(response);
        }
        let allowed = "content-type, idempotency-key, traceparent, x-request-id";
        Some(
            response
                .with(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE")
                .with(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed)
                .with(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
        )
    }
}

/// Lets a page of an allowed origin read a response.
pub(super) fn allow(origin: &HeaderValue, response: &mut HeaderMap) {
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response.append(header::VARY, HeaderValue::from_static("origin"));
}

fn is_own(origin: &HeaderValue, headers: &HeaderMap, is_proxy_trusted: bool) -> bool {
    let authority = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, authority)| authority);
    let is_host = |name: &HeaderName| {
        let host = headers.get(name).and_then(|value| value.to_str().ok());
        authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host.trim()))
    };
    is_host(&header::HOST) || (is_proxy_trusted && is_host(&FORWARDED_HOST))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::Origins;

    #[test]
    fn origins_are_parsed_as_browsers_write_them() {
        let origins: Origins = "https://App.example:443, http://localhost:8080,https://b.example/".parse().unwrap();
        assert_eq!(origins.0, ["https://app.example", "http://localhost:8080", "https://b.example"]);
        for bad in ["", "*", "app.example", "https://a.example/path", "https://u@a.example", "ftp://a.example", "null"]
        {
            assert!(bad.parse::<Origins>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused_and_programs_are_not() {
        let origins: Origins = "https://app.example".parse().unwrap();
        let host = ("host", "api.example");
        for (headers, allowed) in [
            (&[host][..], true),
            (&[host, ("origin", "https://api.example")], true),
            (&[host, ("origin", "https://API.example")], true),
            (&[host, ("origin", "https://app.example")], true),
            (&[host, ("origin", "https://app.example"), ("sec-fetch-site", "cross-site")], true),
            (&[host, ("origin", "https://evil.example")], false),
            (&[host, ("origin", "https://api.example.evil.example")], false),
            (&[host, ("origin", "null")], false),
            (&[host, ("sec-fetch-site", "cross-site")], false),
            (&[host, ("origin", "https://api.example"), ("sec-fetch-site", "cross-site")], false),
            (&[host, ("origin", "https://evil.api.example"), ("sec-fetch-site", "same-site")], false),
            (&[host, ("origin", "https://portal.example"), ("sec-fetch-site", "same-origin")], true),
            (&[host, ("sec-fetch-site", "none")], true),
            (&[host, ("x-forwarded-host", "evil.example"), ("origin", "https://evil.example")], false),
        ] {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(origins.check(&map, false).is_ok(), allowed, "{headers:?}");
        }
        let forwarded: HeaderMap =
            [("host", "10.0.0.1"), ("x-forwarded-host", "p.example"), ("origin", "https://p.example")]
                .into_iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
        assert!(origins.check(&forwarded, true).is_ok() && origins.check(&forwarded, false).is_err());
    }
}
