//! Readers for values that the vendor writes in more than one way.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Bool(bool),
    Number(f64),
    Text(String),
    #[serde(deserialize_with = "anything")]
    Other,
}

fn anything<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(drop)
}

/// A switch written as `true`, `1`, `"1"` or `"true"`; v1 uses all four. Anything else is unknown.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Bool(flag) => Some(flag),
        Loose::Number(number) => Some(number != 0.0),
        Loose::Text(text) => match text.as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
        Loose::Other => None,
    })
}

/// Seconds.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Number(number) => Duration::try_from_secs_f64(number).ok(),
        Loose::Text(text) => text.parse().ok().map(Duration::from_secs),
        Loose::Bool(_) | Loose::Other => None,
    })
}

/// Seconds that limit something: zero, empty and absent all mean that there is no limit.
pub(crate) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(seconds(deserializer)?.filter(|limit| !limit.is_zero()))
}

/// A moment in ISO 8601; one without a zone is in UTC, as backgrounds have it. One that cannot be read is left out: a date
/// is never what an answer is asked for.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Text(text) => text.parse().ok().or_else(|| without_zone(&text)),
        _ => None,
    })
}

fn without_zone(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

/// A value that is left out when it looks unlike anything known. For parts of an answer that nobody asked for: they must
/// not make the rest unreadable, a room that was created least of all.
pub(crate) fn maybe<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(if value.is_null() { None } else { T::deserialize(value).ok() })
}

/// A list, or an empty one where the vendor sends null.
pub(crate) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A text, or nothing when the vendor sends null, an empty text or something else.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Deserialize)]
    struct Probe {
        #[serde(default, deserialize_with = "super::flag")]
        flag: Option<bool>,
        #[serde(default, deserialize_with = "super::seconds")]
        seconds: Option<Duration>,
        #[serde(default, deserialize_with = "super::moment")]
        moment: Option<jiff::Timestamp>,
        #[serde(default, deserialize_with = "super::text")]
        text: Option<String>,
    }

    fn probe(value: Value) -> Probe {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn flags_are_read_in_all_their_spellings() {
        let table = [
            (json!(true), Some(true)),
            (json!(false), Some(false)),
            (json!(1), Some(true)),
            (json!(0), Some(false)),
            (json!("1"), Some(true)),
            (json!("false"), Some(false)),
            (json!("maybe"), None),
            (json!(null), None),
            (json!({"a": 1}), None),
        ];
        for (value, expected) in table {
            assert_eq!(probe(json!({"flag": value})).flag, expected);
        }
        assert_eq!(probe(json!({})).flag, None);
    }

    #[test]
    fn odd_values_are_left_out_and_do_not_fail() {
        let odd = probe(json!({"seconds": -1, "moment": "2024-03-05:09", "text": 7}));
        assert_eq!((odd.seconds, odd.moment, odd.text), (None, None, None));
        let good = probe(json!({"seconds": "90", "moment": "2024-03-05T09:12:30.000Z", "text": "t"}));
        assert_eq!(good.seconds, Some(Duration::from_secs(90)));
        assert_eq!(good.moment.unwrap().as_second(), 1_709_629_950);
        assert_eq!(good.text.as_deref(), Some("t"));
        let zoneless = probe(json!({"moment": "2024-03-05T09:12:30.000"}));
        assert_eq!(zoneless.moment, good.moment);
    }
}
