//! SDK credentials: signed tokens with the same claims as the vendor's.

use data_encoding::BASE64URL_NOPAD;
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::refusal::Refusal;
use super::state::EmulatedUser;
use crate::config::ApiKey;
use crate::events::signature::mac;

/// Accepted lifetimes, in seconds.
const LIFETIME_SECONDS: std::ops::RangeInclusive<u64> = 360..=86_400;
/// The vendor's default is not documented; this is the value of its example.
const DEFAULT_LIFETIME_SECONDS: u64 = 3600;
/// The only company of the emulator.
const COMPANY_ID: &str = "5a1f3c00-0000-11ee-8000-000000000001";

pub(super) struct Credential {
    pub(super) token: String,
    pub(super) expires_at: Timestamp,
}

pub(super) fn issue(
    user: &EmulatedUser,
    lifetime: Option<u64>,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Credential, Refusal> {
    let seconds = lifetime.unwrap_or(DEFAULT_LIFETIME_SECONDS);
    if !LIFETIME_SECONDS.contains(&seconds) {
        return Err(Refusal::validation("invalid_expires_in", "expires_in must be from 360 to 86400"));
    }
    if !user.active {
        return Err(Refusal::request("inactive_user", "The user is not active"));
    }
    let lifetime = SignedDuration::from_secs(seconds.cast_signed());
    let expires_at = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    let claims = json!({
        "user": user.id,
        "companyId": COMPANY_ID,
        "allowCamera": user.camera,
        "iat": now.as_second(),
        "exp": expires_at.as_second(),
        "iss": "@switchboard-core",
        "sub": format!("{}#{COMPANY_ID}", user.id),
    });
    let part = |value: &serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims));
    let signature = mac(key, &[signed.as_bytes()]).finalize().into_bytes();
    let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature));
    Ok(Credential { token, expires_at })
}
