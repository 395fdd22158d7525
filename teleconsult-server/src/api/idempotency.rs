//! The `Idempotency-Key`: identifies a request, so that a repeat of it creates nothing twice.

use data_encoding::HEXLOWER;
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Request;
use crate::auth::Caller;
use crate::http::error::ApiError;
use crate::store::KeyedRequest;

/// The header.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, in characters.
pub(super) const MAX_CHARS: usize = 255;

/// The identity of a request, if it has a key.
pub(super) fn keyed(request: &Request, caller: &Caller) -> Result<Option<KeyedRequest>, ApiError> {
    let mut keys = request.headers.get_all(HEADER).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let is_plain = |key: &str| {
        (1..=MAX_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    };
    let key = key.to_str().ok().filter(|key| is_plain(key) && keys.next().is_none()).ok_or_else(unusable)?;
    // One key may serve different operations and callers: each numbers its requests as it likes.
    let scope = (request.target.route.template(), request.target.raw_room_id(), caller.platform_user(), key);
    Ok(Some(KeyedRequest { key: digest(&json!(scope)), fingerprint: digest(request.fields().unwrap_or(&Value::Null)) }))
}

/// The same for the same value, in whatever order its keys are.
fn digest(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    HEXLOWER.encode(&Sha256::digest(value.to_string()))
}

pub(super) fn unusable() -> ApiError {
    ApiError::validation("headers.idempotency-key must be one text of 1 to 255 plain characters")
}

pub(super) fn running() -> ApiError {
    let message = "a request with the same Idempotency-Key is being carried out";
    ApiError::coded(StatusCode::CONFLICT, "request_running", message).after(std::time::Duration::from_secs(1))
}

pub(super) fn reused() -> ApiError {
    let message = "another request was sent with the same Idempotency-Key";
    ApiError::coded(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};
    use serde_json::{Value, json};

    use super::{HEADER, keyed};
    use crate::api::{Request, routes};
    use crate::auth::user_id_path::RequestParts;
    use crate::auth::{Caller, IdentitySettings};
    use crate::http::request::ReceivedBody;
    use crate::store::KeyedRequest;

    const CREATE: &str = "/teleconsultation";

    fn request(path: &str, keys: &[&[u8]], body: Value) -> Request {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, HeaderValue::from_bytes(key).unwrap());
        }
        let target = routes::find(&Method::POST, path, "").unwrap();
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        Request { target, query: Vec::new(), headers, body: ReceivedBody::Fields(body), peer }
    }

    fn key_of(path: &str, key: &str, body: Value) -> KeyedRequest {
        keyed(&request(path, &[key.as_bytes()], body), &Caller::default()).unwrap().unwrap()
    }

    #[test]
    fn a_key_is_one_plain_string() {
        let read =
            |keys: &[&[u8]]| keyed(&request(CREATE, keys, Value::Null), &Caller::default()).map(|key| key.is_some());
        assert!(!read(&[]).unwrap());
        assert!(read(&[b"a key of 1"]).unwrap() && read(&[&[b'k'; 255]]).unwrap());
        for bad in [&[&b""[..]][..], &[&[b'k'; 256]], &[b"a", b"b"], &[b"\xff"], &[b"a\tb"]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_scoped_to_its_caller() {
        let key_of = |user: &'static str| {
            let request = request(CREATE, &[b"k"], Value::Null);
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static("miauserid"), HeaderValue::from_static(user))]);
            let user_id_header = HeaderName::from_static("miauserid");
            let settings = IdentitySettings { user_id_header, user_id_path: None, proxies: None };
            let caller = Caller::identify(&settings, RequestParts { headers: &headers, query: &[], params: &[] });
            keyed(&request, &caller).unwrap().unwrap().key
        };
        assert_eq!(key_of("anna"), key_of("anna"));
        assert_ne!(key_of("anna"), key_of("bruno"));
        assert_ne!(key_of("null"), key_of(""), "no caller is a scope of its own");
        assert_eq!(key_of(""), super::tests::key_of(CREATE, "k", Value::Null).key);
    }

    #[test]
    fn a_key_is_scoped_to_its_operation_whatever_the_field_order() {
        let one = key_of(CREATE, "k", json!({"a": 1, "b": {"c": 2, "d": 3}}));
        assert_eq!(one, key_of(CREATE, "k", json!({"b": {"d": 3, "c": 2}, "a": 1})));
        let other = key_of(CREATE, "k", json!({"a": 2, "b": {"c": 2, "d": 3}}));
        assert!(one.key == other.key && one.fingerprint != other.fingerprint);
        let of = |id| key_of(&format!("{CREATE}/{id}/participants/data"), "k", Value::Null).key;
        assert!(of("x") != of("y") && of("x") != one.key);
        assert!(!one.key.contains('k'), "the key itself is not kept");
    }
}
