//! How callers are identified.

use http::HeaderName;

use super::reader::Reader;
use crate::auth::IdentitySettings;
use crate::auth::user_id_path::UserIdPath;

/// The platform's header.
const DEFAULT_USER_ID_HEADER: HeaderName = HeaderName::from_static("miauserid");
const PROXIES: &str = "TELECONSULT_IDENTITY_PROXIES";

pub(super) fn read(reader: &mut Reader<'_>, user_id_path: Option<UserIdPath>) -> IdentitySettings {
    let user_id_header = reader.header("USERID_HEADER_KEY", DEFAULT_USER_ID_HEADER);
    let proxies = reader.networks(PROXIES);
    if proxies.is_none() && reader.is_empty(PROXIES) {
        // Whoever sets it wants to trust some peers only, so it must not mean all of them.
        reader.problem(PROXIES, "is empty: list the proxies, or leave it out to trust every peer");
    } else if proxies.is_none() {
        reader.warning(format!("{PROXIES} is not set: every peer is trusted to identify the caller"));
    }
    IdentitySettings { user_id_header, user_id_path, proxies }
}
