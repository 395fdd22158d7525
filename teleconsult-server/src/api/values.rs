//! Values that several request bodies hold.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::openapi::operation::ID_PATTERN;
use crate::domain::ids::{ExternalId, MAX_ID_CHARS};
use crate::domain::schedule::MIN_SECONDS;

/// Longest name or group, in characters.
const MAX_TEXT_CHARS: usize = 256;
/// No control characters.
const PLAIN_PATTERN: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";
/// 9999-12-30, a day before the calendar of the date library ends, so that an end can follow.
const LATEST_MILLIS: i64 = 253_402_128_000_000;

/// 1 to 256 characters without control characters.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(Debug, PartialEq))]
#[schemars(inline)]
pub(super) struct Text(
    #[schemars(length(min = 1, max = MAX_TEXT_CHARS), regex(pattern = PLAIN_PATTERN))] pub(super) String,
);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("NOT have fewer than 1 characters"));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(D::Error::custom("NOT have more than 256 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(D::Error::custom("NOT have control characters"));
        }
        Ok(Self(text))
    }
}

/// A person's id.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct PersonId(
    #[schemars(with = "String", length(min = 1, max = MAX_ID_CHARS), regex(pattern = ID_PATTERN))] pub(super) ExternalId,
);

impl<'de> Deserialize<'de> for PersonId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        let alphabet = "have 1 to 128 characters of A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @ | and not be . or ..";
        ExternalId::parse(&text).map(Self).ok_or_else(|| D::Error::custom(alphabet))
    }
}

/// A number of seconds.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Seconds(#[schemars(range(min = MIN_SECONDS))] pub(super) i64);

/// ISO 8601 with a zone, from 1970 to 9999; finer parts than milliseconds are dropped.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
pub(super) struct Moment(#[schemars(with = "String")] pub(super) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("match format \"date-time\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        // The parser takes more than ISO 8601: zone names in brackets, spaces, week dates.
        let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z');
        let is_plain = text.len() <= 35 && text.bytes().all(plain) && text.as_bytes().get(10) == Some(&b'T');
        let parsed = if is_plain { text.parse::<Timestamp>().ok() } else { None };
        let wrong = || E::custom(format_args!("{}", &self as &dyn serde::de::Expected));
        let millis = parsed.ok_or_else(wrong)?.as_millisecond();
        if !(0..=LATEST_MILLIS).contains(&millis) {
            return Err(E::custom("be from 1970-01-01T00:00:00.000Z to 9999-12-30T00:00:00.000Z"));
        }
        Timestamp::from_millisecond(millis).map(Moment).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Moment, Text};

    #[test]
    fn a_text_is_neither_empty_nor_long_and_has_no_control_characters() {
        let read = |value: Value| serde_json::from_value::<Text>(value).map(|text| text.0).ok();
        assert_eq!(read(json!("Anna Rossi")).as_deref(), Some("Anna Rossi"));
        for bad in [json!(""), json!("a\nb"), json!("x".repeat(257)), json!(null), json!({})] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn moments_have_a_zone_and_a_year_that_everybody_understands() {
        let read =
            |text: &str| serde_json::from_value::<Moment>(json!(text)).ok().map(|moment| format!("{:.3}", moment.0));
        for (text, expected) in [
            ("2024-03-05T09:12:30.123Z", Some("2024-03-05T09:12:30.123Z")),
            ("2024-03-05T09:12:30Z", Some("2024-03-05T09:12:30.000Z")),
            ("2024-03-05T09:12:30.123456Z", Some("2024-03-05T09:12:30.123Z")),
            ("2024-03-05T10:12:30+01:00", Some("2024-03-05T09:12:30.000Z")),
            ("2024-03-05T09:12:30", None),
            ("2024-03-05", None),
            ("2024-02-30T09:12:30Z", None),
            ("2024-03-05 09:12:30Z", None),
            ("2024-03-05T09:12:30Z[UTC]", None),
            ("1969-12-31T23:59:59Z", None),
            ("9999-12-31T23:59:59Z", None),
            ("-000001-01-01T00:00:00Z", None),
            ("+010000-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
