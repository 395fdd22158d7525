//! The headers of a request that are forwarded to the platform's services. The vendor never gets them.
//!
//! They are kept in a task-local value while the request is handled, so that the rules and the rooms need not pass them
//! on. Background work has none.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};

tokio::task_local! {
    static FORWARDED: HeaderMap;
}

/// Which headers are forwarded.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// Headers that are forwarded unchanged.
    pub names: Vec<HeaderName>,
    /// The header in which the platform names its user. It is left out when it has two values, because either may be
    /// forged.
    pub user_id: HeaderName,
    /// The header that is forwarded as `1` whatever its value is.
    pub backoffice: HeaderName,
    /// Whether any platform service is called.
    pub enabled: bool,
}

impl Forwarding {
    /// Headers that every platform service gets, in addition to the platform's own.
    pub const ALWAYS: [&'static str; 4] = ["x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];

    /// The forwarded headers of a request. If its peer is not trusted to identify the caller, they hold nothing about the
    /// caller; the operator's additions count as such, because they are cookies and the like.
    #[must_use]
    pub fn of(&self, request: &HeaderMap, is_trusted: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.enabled {
            return headers;
        }
        for name in self.names.iter().filter(|name| is_trusted || Self::ALWAYS.contains(&name.as_str())) {
            for value in request.get_all(name).iter().filter(|value| !value.is_empty()) {
                headers.append(name, value.clone());
            }
        }
        if request.get_all(&self.user_id).iter().count() > 1 {
            headers.remove(&self.user_id);
        }
        if is_trusted && request.get(&self.backoffice).is_some_and(|value| !value.is_empty()) {
            headers.insert(&self.backoffice, HeaderValue::from_static("1"));
        }
        headers
    }
}

/// Runs a future with the forwarded headers of its request.
pub fn forwarding<F: Future>(headers: HeaderMap, work: F) -> impl Future<Output = F::Output> {
    FORWARDED.scope(headers, work)
}

/// The forwarded headers of the request that is being handled; none in the background.
#[must_use]
pub fn current() -> HeaderMap {
    FORWARDED.try_with(Clone::clone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Forwarding, current, forwarding};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn rules() -> Forwarding {
        let names = ["miauserid", "cookie", "x-request-id"].map(HeaderName::from_static).to_vec();
        let [user_id, backoffice] = ["miauserid", "isbackoffice"].map(HeaderName::from_static);
        Forwarding { names, user_id, backoffice, enabled: true }
    }

    #[test]
    fn named_headers_are_forwarded_and_back_office_as_a_flag() {
        let request =
            headers(&[("miauserid", "u"), ("cookie", "a"), ("cookie", "b"), ("foo", "x"), ("isbackoffice", "0")]);
        let expected = headers(&[("miauserid", "u"), ("cookie", "a"), ("cookie", "b"), ("isbackoffice", "1")]);
        assert_eq!(rules().of(&request, true), expected);
        assert!(rules().of(&headers(&[("isbackoffice", ""), ("foo", "x")]), true).is_empty());
        assert!(rules().of(&headers(&[("miauserid", "u"), ("miauserid", "v")]), true).is_empty());
    }

    #[test]
    fn an_untrusted_peer_gets_nothing_about_the_caller_forwarded() {
        let request = headers(&[("miauserid", "u"), ("cookie", "a"), ("isbackoffice", "1"), ("x-request-id", "r")]);
        assert_eq!(rules().of(&request, false), headers(&[("x-request-id", "r")]));
    }

    #[tokio::test]
    async fn the_headers_exist_only_while_the_request_is_handled() {
        let seen = forwarding(headers(&[("cookie", "a")]), async { current() }).await;
        assert_eq!(seen, headers(&[("cookie", "a")]));
        assert!(current().is_empty());
    }
}
