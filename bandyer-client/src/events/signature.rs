//! Signatures of webhooks. The key is the company's whole API key, unhashed.

use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::notification::{Notification, ParseError, parse};
use crate::config::ApiKey;
use crate::types::model::timestamp;

/// Default tolerance for the time of a signature. The vendor documents no tolerance; five minutes allow for slow deliveries
/// and clock skew, and limit replay attacks.
const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);
/// Maximum length of a header, in bytes. A valid one has about 85.
const MAX_HEADER_BYTES: usize = 4096;
/// Number of `v0` parts that are compared. The vendor sends one, or a few while its keys are rotated.
const MAX_SIGNATURES: usize = 8;
/// Length of an HMAC-SHA256 in hexadecimal digits.
const SIGNATURE_DIGITS: usize = 64;

/// The reason why a signature is rejected. Respond with 401 and do not reveal the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The header has no `t` or no `v0` part, or is too long.
    #[error("the signature header is malformed")]
    Malformed,
    /// The time of the signature is outside the tolerance.
    #[error("the signature is too old or too new")]
    OutsideTolerance,
    /// The signature was not created with any of the keys.
    #[error("the signature does not match")]
    Mismatch,
}

/// The reason why a delivery is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// It does not come from the vendor, or was delayed for too long.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It comes from the vendor and is not an event.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl ReceiveError {
    /// The status of the response: 401 or 400. Do not reveal more.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::Parse(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// The key is empty. Anyone could sign with an empty key, so it is never accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is empty")]
#[non_exhaustive]
pub struct EmptyKey;

/// Verifies signatures with one key or, during a key rotation, with several.
///
/// ```
/// use std::time::Duration;
/// use bandyer_client::ApiKey;
/// use bandyer_client::events::{Verifier, sign};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (ApiKey::from("ak_test_0123456789ab"), ApiKey::from("ak_test_ba9876543210"));
/// let verifier = Verifier::new(new)?.also_accept(old.clone())?.tolerance(Duration::from_secs(60));
/// let (body, now) = (br#"{"event":"on_call_ended"}"#, jiff::Timestamp::now());
/// verifier.verify(&sign(&old, body, now), body, now)?;
/// assert!(verifier.verify("t=1,v0=00", body, now).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<ApiKey>,
    tolerance: Duration,
    accepts_version_0: bool,
}

impl Verifier {
    /// Accepts signatures of this key.
    ///
    /// # Errors
    ///
    /// [`EmptyKey`].
    pub fn new(key: impl Into<ApiKey>) -> Result<Self, EmptyKey> {
        let verifier = Self { keys: Vec::new(), tolerance: DEFAULT_TOLERANCE, accepts_version_0: false };
        verifier.also_accept(key)
    }

    /// Also accepts signatures of another key: the previous one, until the vendor has stopped using it.
    ///
    /// # Errors
    ///
    /// [`EmptyKey`].
    pub fn also_accept(mut self, key: impl Into<ApiKey>) -> Result<Self, EmptyKey> {
        let key = key.into();
        if key.expose().is_empty() {
            return Err(EmptyKey);
        }
        self.keys.push(key);
        Ok(self)
    }

    /// The maximum difference between the time of a signature and now, in both directions. Default: five minutes.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Makes [`receive`](Self::receive) accept webhooks of version 0 too, which are signed with `room-id-hmac`. That header covers
    /// only the room id: whoever has seen one delivery can make others about the same room. Off by default.
    #[must_use]
    pub const fn accept_version_0(mut self) -> Self {
        self.accepts_version_0 = true;
        self
    }

    /// Verifies the header `bandyer-signature` against the raw bytes of the body, in constant time.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self, header: &str, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
        if header.len() > MAX_HEADER_BYTES {
            return Err(SignatureError::Malformed);
        }
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let time = parts().find(|(name, _)| *name == "t").map(|(_, time)| time).ok_or(SignatureError::Malformed)?;
        let mut given = parts().filter(|(name, _)| *name == "v0").peekable();
        given.peek().ok_or(SignatureError::Malformed)?;
        let signed = [time.as_bytes(), b".", body];
        let candidates: Vec<_> =
            given.take(MAX_SIGNATURES).filter_map(|(_, digits)| decode_signature(digits)).collect();
        if !self.matches_any_key(&signed, &candidates) {
            return Err(SignatureError::Mismatch);
        }
        let distance =
            now.duration_since(time.parse().ok().and_then(timestamp).ok_or(SignatureError::Malformed)?).abs();
        let tolerance = SignedDuration::try_from(self.tolerance).unwrap_or(SignedDuration::MAX);
        if distance > tolerance { Err(SignatureError::OutsideTolerance) } else { Ok(()) }
    }

    /// As [`verify`](Self::verify), with the system's clock.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify_now(&self, header: &str, body: &[u8]) -> Result<(), SignatureError> {
        self.verify(header, body, Timestamp::now())
    }

    /// Verifies the signature of a delivery and parses its event: what a receiver does, in one call. Webhooks of version 0 are
    /// accepted only after [`accept_version_0`](Self::accept_version_0).
    ///
    /// ```
    /// use bandyer_client::ApiKey;
    /// use bandyer_client::events::{Event, Verifier, sign};
    /// use http::{HeaderMap, HeaderValue};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = ApiKey::from("ak_test_0123456789ab");
    /// let body = br#"{"event":"on_room_deleted","event_version":"1.0","data":{"room_id":"room_1"}}"#;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("bandyer-signature", HeaderValue::try_from(sign(&key, body, jiff::Timestamp::now()))?);
    ///
    /// let verifier = Verifier::new(key)?;
    /// assert_eq!(verifier.receive(&headers, body)?.event.name(), "on_room_deleted");
    /// assert_eq!(verifier.receive(&HeaderMap::new(), body).unwrap_err().status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], whose [`status`](ReceiveError::status) is that of the response.
    pub fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notification, ReceiveError> {
        let header = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        if let Some(signature) = header("bandyer-signature") {
            self.verify_now(signature, body)?;
            return Ok(parse(body)?);
        }
        let signature = header("room-id-hmac").filter(|_| self.accepts_version_0).ok_or(SignatureError::Malformed)?;
        // What is not authenticated is not looked into further than to find the room id.
        let notification = parse(body).map_err(|_| SignatureError::Mismatch)?;
        let room = notification.room_id.as_ref().ok_or(SignatureError::Mismatch)?;
        self.verify_room_id(signature, room.as_str())?;
        Ok(notification)
    }

    /// Verifies the header `room-id-hmac` of version 0. It covers only the room id: the rest of the event is not
    /// authenticated.
    ///
    /// ```
    /// use bandyer_client::ApiKey;
    /// use bandyer_client::events::{Verifier, parse, sign_room_id};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = ApiKey::from("ak_test_0123456789ab");
    /// let notification = parse(br#"{"event":"on_call_ended","room_id":"room_1","data":{"room_id":"room_1"}}"#)?;
    /// let room = notification.room_id.ok_or("no room")?;
    /// Verifier::new(key.clone())?.verify_room_id(&sign_room_id(&key, room.as_str()), room.as_str())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SignatureError::Mismatch`].
    pub fn verify_room_id(&self, header: &str, room_id: &str) -> Result<(), SignatureError> {
        let candidate = decode_signature(header.trim()).ok_or(SignatureError::Mismatch)?;
        if self.matches_any_key(&[room_id.as_bytes()], &[candidate]) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// The content is hashed once per key, however many signatures the header lists, and not at all without one: an
    /// unauthenticated sender must not be able to multiply that work.
    fn matches_any_key(&self, signed: &[&[u8]], candidates: &[Vec<u8>]) -> bool {
        !candidates.is_empty()
            && self.keys.iter().any(|key| {
                let mac = mac(key, signed);
                candidates.iter().any(|candidate| mac.clone().verify_slice(candidate).is_ok())
            })
    }
}

/// Signs a body like the vendor, for tests of receivers.
#[must_use]
pub fn sign(key: &ApiKey, body: &[u8], now: Timestamp) -> String {
    let time = now.as_second().to_string();
    let signature = mac(key, &[time.as_bytes(), b".", body]).finalize().into_bytes();
    format!("t={time},v0={}", to_hex(&signature))
}

/// The `room-id-hmac` of a room, for tests of receivers. The lowercase hex format is inferred.
#[must_use]
pub fn sign_room_id(key: &ApiKey, room_id: &str) -> String {
    to_hex(&mac(key, &[room_id.as_bytes()]).finalize().into_bytes())
}

/// The HMAC of the concatenated parts.
pub(crate) fn mac(key: &ApiKey, parts: &[&[u8]]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("a key");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode_signature(digits: &str) -> Option<Vec<u8>> {
    (digits.len() == SIGNATURE_DIGITS).then(|| from_hex(digits)).flatten()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pairs = digits.len().is_multiple_of(2).then(|| digits.chunks_exact(2))?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};
    use jiff::Timestamp;

    use super::{EmptyKey, SignatureError, Verifier, sign, sign_room_id};
    use crate::config::ApiKey;

    const VENDORS_KEY: &str = "ak_live_123456";
    const VENDORS_BODY: &[u8] = br#"{"event":"test"}"#;
    const VENDORS_HEADER: &str = "t=1554193902,v0=6841e55cb12f2d9d1216c47097c75fd737a22a3a00c8d8f8d3d35fb2b613ce5b";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_example_of_the_vendor_is_accepted() {
        let verifier = Verifier::new(VENDORS_KEY).unwrap();
        assert_eq!(verifier.verify(VENDORS_HEADER, VENDORS_BODY, at(1_554_193_902)), Ok(()));
        assert_eq!(sign(&ApiKey::from(VENDORS_KEY), VENDORS_BODY, at(1_554_193_902)), VENDORS_HEADER);
    }

    #[test]
    fn one_changed_byte_is_a_mismatch() {
        let verifier = Verifier::new(VENDORS_KEY).unwrap();
        let now = at(1_554_193_902);
        for (header, body) in [
            (VENDORS_HEADER, &br#"{"event":"tesu"}"#[..]),
            (VENDORS_HEADER, br#"{"event": "test"}"#),
            (&VENDORS_HEADER.replace("3902", "3903"), VENDORS_BODY),
            (&VENDORS_HEADER.replace("ce5b", "ce5c"), VENDORS_BODY),
            (&VENDORS_HEADER.replace("ce5b", ""), VENDORS_BODY),
            ("t=1554193902,v0=", VENDORS_BODY),
            ("t=1554193902,v0=zz", VENDORS_BODY),
        ] {
            assert_eq!(verifier.verify(header, body, now), Err(SignatureError::Mismatch), "{header}");
        }
        assert_eq!(
            Verifier::new("other").unwrap().verify(VENDORS_HEADER, VENDORS_BODY, now),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn malformed_headers_are_errors_and_unknown_parts_ignored() {
        let verifier = Verifier::new(VENDORS_KEY).unwrap();
        let now = at(1_554_193_902);
        let too_long = "x".repeat(10_000);
        for header in ["", "t=1", "v0=aa", "t", ",,,", "=,=", &too_long] {
            assert_eq!(verifier.verify(header, VENDORS_BODY, now), Err(SignatureError::Malformed), "{header}");
        }
        let (time, signature) = VENDORS_HEADER.split_once(',').unwrap();
        let more = format!("v1=ff, {time}, v0=00, {signature}, x");
        assert_eq!(verifier.verify(&more, VENDORS_BODY, now), Ok(()));
    }

    #[test]
    fn arbitrary_headers_are_rejected() {
        use proptest::prelude::*;
        let verifier = Verifier::new(VENDORS_KEY).unwrap();
        proptest!(|(header in any::<String>(), digits in "[0-9a-f]{0,70}", time in any::<i64>())| {
            let now = at(1_554_193_902);
            prop_assert!(verifier.verify(&header, VENDORS_BODY, now).is_err());
            let forged = format!("t={time},v0={digits}");
            prop_assert!(verifier.verify(&forged, VENDORS_BODY, now).is_err());
        });
    }

    #[test]
    fn seconds_and_milliseconds_are_checked_against_the_tolerance() {
        let key = ApiKey::from(VENDORS_KEY);
        let verifier = Verifier::new(key.clone()).unwrap().tolerance(Duration::from_secs(60));
        let header = sign(&key, b"x", at(1000));
        for (now, accepted) in [(940, true), (939, false), (1060, true), (1061, false)] {
            assert_eq!(verifier.verify(&header, b"x", at(now)).is_ok(), accepted, "{now}");
        }
        // Computed with another tool: HMAC-SHA256 of `1709630000123.x` with the vendor's example key.
        let millis = "t=1709630000123,v0=4f532897bf19828ecd5e4768684329fb6b8d95e1d9d820de909228ef35ea8e2a";
        assert_eq!(verifier.verify(millis, b"x", at(1_709_630_000)), Ok(()));
        assert_eq!(verifier.verify(millis, b"x", at(1_709_640_000)), Err(SignatureError::OutsideTolerance));
    }

    #[test]
    fn keys_can_be_rotated_and_an_empty_key_is_rejected() {
        let old = ApiKey::from("old");
        let header = sign(&old, b"x", at(0));
        let verifier = Verifier::new("new").unwrap();
        assert!(verifier.verify(&header, b"x", at(0)).is_err());
        assert!(verifier.also_accept(old).unwrap().verify(&header, b"x", at(0)).is_ok());
        assert_eq!(Verifier::new("").unwrap_err(), EmptyKey);
        assert_eq!(Verifier::new("k").unwrap().also_accept("").unwrap_err(), EmptyKey);
    }

    #[test]
    fn only_the_first_signatures_of_a_header_are_compared() {
        let verifier = Verifier::new(VENDORS_KEY).unwrap();
        let (time, signature) = VENDORS_HEADER.split_once(',').unwrap();
        let with_others = |others| format!("{time},{}{signature}", format!("v0={},", "0".repeat(64)).repeat(others));
        let now = at(1_554_193_902);
        assert_eq!(verifier.verify(&with_others(7), VENDORS_BODY, now), Ok(()));
        assert_eq!(verifier.verify(&with_others(8), VENDORS_BODY, now), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_delivery_is_received_only_with_a_valid_signature_of_its_version() {
        let key = ApiKey::from(VENDORS_KEY);
        let verifier = Verifier::new(key.clone()).unwrap();
        let body = br#"{"event":"on_call_ended","room_id":"room_1","data":{}}"#;
        let headers = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
        };
        let signed = headers("bandyer-signature", &sign(&key, body, Timestamp::now()));
        assert_eq!(verifier.receive(&signed, body).unwrap().event.name(), "on_call_ended");
        let version_0 = headers("room-id-hmac", &sign_room_id(&key, "room_1"));
        assert_eq!(verifier.receive(&version_0, body).unwrap_err().status(), 401);
        let verifier = verifier.accept_version_0();
        assert_eq!(verifier.receive(&version_0, body).unwrap().room_id.unwrap(), "room_1");
        for (headers, body, status) in [
            (HeaderMap::new(), &body[..], 401),
            (headers("bandyer-signature", "t=1,v0=00"), body, 401),
            (headers("bandyer-signature", &sign(&key, body, at(1))), body, 401),
            (signed.clone(), b"{}", 401),
            (headers("bandyer-signature", &sign(&key, b"{}", Timestamp::now())), b"{}", 400),
            (headers("room-id-hmac", &sign_room_id(&key, "room_2")), body, 401),
            (version_0, br#"{"event":"on_call_ended","data":{"room_id":"room_1"}}"#, 401),
        ] {
            assert_eq!(verifier.receive(&headers, body).unwrap_err().status(), status, "{headers:?}");
        }
    }

    #[test]
    fn the_room_id_signature_of_version_0_is_verified() {
        let key = ApiKey::from(VENDORS_KEY);
        let verifier = Verifier::new(key.clone()).unwrap();
        let header = sign_room_id(&key, "room_1");
        assert_eq!(verifier.verify_room_id(&header, "room_1"), Ok(()));
        assert_eq!(verifier.verify_room_id(&header.to_uppercase(), "room_1"), Ok(()));
        assert_eq!(verifier.verify_room_id(&header, "room_2"), Err(SignatureError::Mismatch));
    }
}
