//! Deserializers for values that the vendor encodes in more than one way.

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

/// A flag encoded as `true`, `1`, `"1"` or `"true"`; v1 uses all four. Any other value becomes `None`.
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

/// A number of seconds.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Number(number) => Duration::try_from_secs_f64(number).ok(),
        Loose::Text(text) => text.parse().ok().map(Duration::from_secs),
        Loose::Bool(_) | Loose::Other => None,
    })
}

/// A limit in seconds: zero, empty and missing values all mean that there is no limit.
pub(crate) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(seconds(deserializer)?.filter(|limit| !limit.is_zero()))
}

/// A timestamp in ISO 8601; without a time zone, as in backgrounds, it is in UTC. An invalid one becomes `None`,
/// because no caller depends on a date.
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

/// A value that becomes `None` if it has an unexpected shape. For secondary fields, which must not make the rest of a
/// response unreadable, above all that of a room creation.
pub(crate) fn maybe<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(if value.is_null() { None } else { T::deserialize(value).ok() })
}

/// A list; null becomes an empty list.
pub(crate) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A text; null, an empty text and values of other types become `None`.
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
    fn all_encodings_of_a_flag_are_decoded() {
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
    fn unexpected_values_become_none() {
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
