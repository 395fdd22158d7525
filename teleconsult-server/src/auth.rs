//! Who calls.

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
    /// Whether what arrives over a connection from there may say who calls.
    #[must_use]
    pub fn trusts_peer(&self, peer: IpAddr) -> bool {
        self.proxies.as_ref().is_none_or(|proxies| proxies.contain(peer))
    }

    /// Removes the headers by which callers are recognised. Done before anything reads them, so that nothing has to ask
    /// whether they count.
    pub fn disregard(&self, headers: &mut HeaderMap) {
        headers.remove(&self.user_id_header);
        if let Some(name) = self.user_id_path.as_ref().and_then(UserIdPath::header) {
            headers.remove(name);
        }
    }
}

/// The person who looks at a teleconsultation: where the configuration file says, else the platform's user.
#[must_use]
pub fn viewer(settings: &IdentitySettings, request: RequestParts<'_>) -> Option<String> {
    match &settings.user_id_path {
        Some(path) => path.find(request),
        None => platform_user(settings, request.headers),
    }
}

/// The user that the platform names in its header.
#[must_use]
pub fn platform_user(settings: &IdentitySettings, headers: &HeaderMap) -> Option<String> {
    let id = user_id_path::only_value(headers, &settings.user_id_header)?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}
