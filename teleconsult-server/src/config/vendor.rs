//! The vendor's settings.

use bandyer_client::{ApiKey, ApiVersion, ConfigError};

use super::reader::Reader;
use crate::vendor::VendorSettings;

const API_KEY: &str = "BANDYER_API_SECRET_KEY";
const BASE_URL: &str = "BANDYER_BASE_URL";
/// Takes the place of a key that is missing or wrong while the address is checked.
const SOME_KEY: &str = "none";

/// Reads the settings and the generation of the vendor's API that the address implies.
///
/// Building a client reports its first problem only, and a problem of the key must not hide one of the address. So a
/// wrong key is reported and replaced by another one for the check.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<(VendorSettings, ApiVersion)> {
    let key = reader.required_secret(API_KEY);
    let base_url = reader.required(BASE_URL)?;
    let mut settings = VendorSettings { api_key: ApiKey::from(key.as_deref().unwrap_or(SOME_KEY)), base_url };
    let mut client = settings.client();
    if let Err(ConfigError::ApiKey(reason)) = client {
        reader.problem(API_KEY, &format!("is {reason}"));
        settings.api_key = SOME_KEY.into();
        client = settings.client();
    }
    match client {
        Ok(client) => return Some((settings, client.api_version())),
        Err(ConfigError::BaseUrl(reason)) => reader.problem(BASE_URL, reason),
        Err(error) => reader.problem(BASE_URL, &format!("cannot be used: {error}")),
    }
    None
}
