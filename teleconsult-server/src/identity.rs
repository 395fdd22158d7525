//! Who calls.

use http::HeaderMap;

use crate::config::IdentitySettings;

pub mod auth_service;
mod cache;
pub mod custom_id;
pub mod people;
pub mod requester;

use requester::RequestParts;

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
    let mut values = headers.get_all(&settings.user_id_header).iter();
    let id = values.next()?.to_str().ok()?.trim();
    // Two values mean that somebody before the gateway added one, and nobody can tell which is true.
    (values.next().is_none() && !id.is_empty()).then(|| id.to_owned())
}
