//! From a request to its caller.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use crate::base::networks::Networks;

pub mod user_id_path;

use user_id_path::{RequestParts, UserIdPath};

/// How callers are identified.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// The header in which the platform names its user (`USERID_HEADER_KEY`).
    pub user_id_header: HeaderName,
    /// Where the viewer of a teleconsultation is found, if not in that header.
    pub user_id_path: Option<UserIdPath>,
    /// The peers that may identify callers (`TELECONSULT_IDENTITY_PROXIES`); all of them when it is not set.
    pub proxies: Option<Networks>,
}

impl IdentitySettings {
    /// Whether a peer may identify callers.
    #[must_use]
    pub fn trusts_peer(&self, peer: IpAddr) -> bool {
        self.proxies.as_ref().is_none_or(|proxies| proxies.contains(peer))
    }

    /// Removes the headers that identify the caller. It is done before anything else reads them, so that no reader has to
    /// ask whether the peer is trusted.
    pub fn strip_identity(&self, headers: &mut HeaderMap) {
        headers.remove(&self.user_id_header);
        if let Some(name) = self.user_id_path.as_ref().and_then(UserIdPath::header) {
            headers.remove(name);
        }
    }
}

/// The caller of a request, as far as the request names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    platform_user: Option<String>,
    viewer: Option<String>,
}

impl Caller {
    /// Finds the caller in a request of a trusted peer.
    #[must_use]
    pub fn identify(settings: &IdentitySettings, request: RequestParts<'_>) -> Self {
        let platform_user = user_id_path::only_value(request.headers, &settings.user_id_header)
            // Only what HTTP calls white space: trimming other characters would turn one id into another.
            .map(|id| id.trim_matches([' ', '\t']).to_owned())
            .filter(|id| !id.is_empty());
        let viewer = match &settings.user_id_path {
            Some(path) => path.find(request),
            None => platform_user.clone(),
        };
        Self { platform_user, viewer }
    }

    /// The user that the platform names in its header.
    #[must_use]
    pub fn platform_user(&self) -> Option<&str> {
        self.platform_user.as_deref()
    }

    /// The viewer of a teleconsultation: found where the configuration file says, otherwise the platform's user.
    #[must_use]
    pub fn viewer(&self) -> Option<&str> {
        self.viewer.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    use super::user_id_path::{RequestParts, UserIdPath};
    use super::{Caller, IdentitySettings};

    fn caller(user_id_path: Option<UserIdPath>, user_ids: &[&'static str]) -> Caller {
        let user_id_header = HeaderName::from_static("miauserid");
        let mut headers = HeaderMap::new();
        for id in user_ids {
            headers.append(&user_id_header, HeaderValue::from_static(id));
        }
        let query = [("user".to_owned(), "q".to_owned())];
        let settings = IdentitySettings { user_id_header, user_id_path, proxies: None };
        Caller::identify(&settings, RequestParts { headers: &headers, query: &query, params: &[] })
    }

    #[test]
    fn no_id_becomes_another_one() {
        use proptest::prelude::*;
        proptest!(|(id in "[\\u{80}-\\u{ff}\\u{a0}\\u{85}\\u{2003}a ]{1,6}")| {
            let user_id_header = HeaderName::from_static("miauserid");
            let headers = HeaderMap::from_iter([(user_id_header.clone(), HeaderValue::from_bytes(id.as_bytes()).unwrap())]);
            let settings = IdentitySettings { user_id_header, user_id_path: None, proxies: None };
            let caller = Caller::identify(&settings, RequestParts { headers: &headers, query: &[], params: &[] });
            prop_assert_eq!(caller.platform_user().unwrap_or_default(), id.trim_matches(' '));
        });
    }

    #[test]
    fn the_viewer_is_the_platforms_user_unless_a_path_leads_elsewhere() {
        let of = |caller: &Caller| (caller.platform_user().map(str::to_owned), caller.viewer().map(str::to_owned));
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(of(&caller(None, &[" u "])), (some("u"), some("u")));
        assert_eq!(of(&caller(None, &["\tu\t"])), (some("u"), some("u")));
        assert_eq!(of(&caller(None, &["u", "v"])), (None, None));
        assert_eq!(of(&caller(None, &[" "])), (None, None));
        let steps = json!([{"from": "object", "extract": "query"}, {"from": "object", "extract": "user"}]);
        let path = UserIdPath::new(serde_json::from_value(steps).unwrap()).unwrap();
        assert_eq!(of(&caller(Some(path), &["u"])), (some("u"), some("q")));
    }
}
