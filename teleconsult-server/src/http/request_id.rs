//! The id under which a request is found in the logs of all services it passes.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

/// Longest id taken from a caller, in characters.
const MAX_CHARS: usize = 128;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The caller's `x-request-id` if it is a plain word, else `req-` and a generated number.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=MAX_CHARS).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=|@".contains(&byte))
    };
    match given.filter(plain) {
        Some(id) => id.to_owned(),
        None => format!("req-{}", base36(NEXT.fetch_add(1, Ordering::Relaxed))),
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{base36, request_id};

    #[test]
    fn numbers_are_written_as_the_predecessor_writes_them() {
        assert_eq!([0, 1, 35, 36, 46_655, 46_656].map(base36), ["0", "1", "z", "10", "zzz", "1000"]);
    }

    #[test]
    fn only_plain_ids_are_taken_from_the_caller() {
        let id = |text: &'static str| {
            request_id(&HeaderMap::from_iter([("x-request-id".parse().unwrap(), HeaderValue::from_static(text))]))
        };
        assert_eq!(id("abc-1.2:3"), "abc-1.2:3");
        for bad in ["", "a b", "a\"b", "a,b"] {
            assert!(id(bad).starts_with("req-"), "{bad}");
        }
        assert!(request_id(&HeaderMap::new()).starts_with("req-"));
    }
}
