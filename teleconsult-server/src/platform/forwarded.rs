//! The headers of a request that the platform's services are told too. The vendor never is.
//!
//! They travel beside the request's work and not through it: the rules and the room keeper need not know of them, and
//! what runs in the background has none.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};

tokio::task_local! {
    static FORWARDED: HeaderMap;
}

/// Which headers are passed on.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// Those that are passed on as they are.
    pub names: Vec<HeaderName>,
    /// The one in which the platform names its user. Two values are passed on as none, because nobody can tell which
    /// is true.
    pub user_id: HeaderName,
    /// The one that is passed on as `1` whatever it holds.
    pub backoffice: HeaderName,
    /// Whether there is any service to tell.
    pub enabled: bool,
}

impl Forwarding {
    /// What every platform service is told, beside the platform's own headers.
    pub const ALWAYS: [&'static str; 4] = ["x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];

    /// The headers of a request that are passed on. Of one that is not believed, none that says who calls; an operator's
    /// additions count as such, because they are cookies and the like.
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

/// Does a request's work with its headers at hand.
pub fn forwarding<F: Future>(headers: HeaderMap, work: F) -> impl Future<Output = F::Output> {
    FORWARDED.scope(headers, work)
}

/// The headers of the request that is being worked on; none in the background.
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
    fn only_named_headers_are_passed_on_and_the_back_office_is_a_flag() {
        let request =
            headers(&[("miauserid", "u"), ("cookie", "a"), ("cookie", "b"), ("foo", "x"), ("isbackoffice", "0")]);
        let expected = headers(&[("miauserid", "u"), ("cookie", "a"), ("cookie", "b"), ("isbackoffice", "1")]);
        assert_eq!(rules().of(&request, true), expected);
        assert!(rules().of(&headers(&[("isbackoffice", ""), ("foo", "x")]), true).is_empty());
        assert!(rules().of(&headers(&[("miauserid", "u"), ("miauserid", "v")]), true).is_empty());
    }

    #[test]
    fn of_who_is_not_believed_nothing_about_the_caller_is_passed_on() {
        let request = headers(&[("miauserid", "u"), ("cookie", "a"), ("isbackoffice", "1"), ("x-request-id", "r")]);
        assert_eq!(rules().of(&request, false), headers(&[("x-request-id", "r")]));
    }

    #[tokio::test]
    async fn they_are_at_hand_during_the_work_and_not_outside() {
        let seen = forwarding(headers(&[("cookie", "a")]), async { current() }).await;
        assert_eq!(seen, headers(&[("cookie", "a")]));
        assert!(current().is_empty());
    }
}
