//! The `retry-after` header, in both of its forms.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

/// Maximum wait; a longer one is cut to this. It is certainly a mistake, and a caller that adds the wait to a point in
/// time must not overflow.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait: a number of seconds, or the time until a date, which is zero if it is in the past. Other values are
/// ignored.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        text.parse().map_or(MAX_WAIT, Duration::from_secs)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};
    use jiff::Timestamp;

    #[test]
    fn both_forms_are_parsed_and_invalid_values_ignored() {
        let now: Timestamp = "2026-03-05T09:00:00Z".parse().unwrap();
        let table = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(86_400)),
            ("Thu, 05 Mar 2026 09:01:30 GMT", Some(90)),
            ("Thu, 05 Mar 2026 08:00:00 GMT", Some(0)),
            ("Fri, 05 Mar 2027 09:00:00 GMT", Some(86_400)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            assert_eq!(super::retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(super::retry_after(&HeaderMap::new(), now), None);
    }
}
