//! Reads values out of a JSON body and says which one is wrong.
//!
//! The rules and messages are those of the predecessor's validator: scalars are turned into the type that is expected
//! (`"3"` into 3), unknown fields are ignored, and the first thing that is wrong is told.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::ApiError;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    value: &'a Value,
    path: String,
}

/// What reading ends in.
pub type Result<T> = std::result::Result<T, ApiError>;

/// Longest text of a name or group, in characters.
pub(crate) const MAX_TEXT_CHARS: usize = 256;

impl<'a> Input<'a> {
    /// The body of a request.
    #[must_use]
    pub fn body(value: &'a Value) -> Self {
        Self { value, path: "body".to_owned() }
    }

    /// The error that this value is not what it must be.
    pub fn must(&self, requirement: &str) -> ApiError {
        ApiError::validation(format!("{} must {requirement}", self.path))
    }

    fn fields(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.must("be object"))
    }

    /// A field that may be absent; null counts as absent.
    ///
    /// # Errors
    ///
    /// When this is no object.
    pub fn optional(&self, name: &str) -> Result<Option<Self>> {
        let value = self.fields()?.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Self { value, path: format!("{}.{name}", self.path) }))
    }

    /// A field that must be there.
    ///
    /// # Errors
    ///
    /// When it is not, or this is no object.
    pub fn required(&self, name: &str) -> Result<Self> {
        self.optional(name)?.ok_or_else(|| self.must(&format!("have required property '{name}'")))
    }

    /// A field that has had several names; the first that is there.
    ///
    /// # Errors
    ///
    /// When none is there; the error names the first.
    pub fn required_as(&self, names: &[&str]) -> Result<Self> {
        for name in names {
            if let Some(found) = self.optional(name)? {
                return Ok(found);
            }
        }
        self.required(names.first().copied().unwrap_or_default())
    }

    /// Whether this is a list.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.value.is_array()
    }

    /// Whether this is a text, a number or a flag.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        self.value.is_string() || self.value.is_number() || self.value.is_boolean()
    }

    /// The elements.
    ///
    /// # Errors
    ///
    /// When this is no list.
    pub fn array(&self) -> Result<Vec<Self>> {
        let items = self.value.as_array().ok_or_else(|| self.must("be array"))?;
        let item = |(index, value)| Self { value, path: format!("{}[{index}]", self.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A whole number, also written as a text.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn integer(&self) -> Result<i64> {
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        let number = match self.value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
            _ => None,
        };
        number.ok_or_else(|| self.must("be integer"))
    }

    /// A text of 1 to 256 characters without control characters; numbers and flags are turned into one.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn text(&self) -> Result<String> {
        let text = match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(self.must("be string")),
        };
        if text.is_empty() {
            return Err(self.must("NOT have fewer than 1 characters"));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(self.must("NOT have more than 256 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(self.must("NOT have control characters"));
        }
        Ok(text)
    }

    /// One text or a list of them.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn texts(&self) -> Result<Vec<String>> {
        if self.is_array() { self.array()?.iter().map(Self::text).collect() } else { Ok(vec![self.text()?]) }
    }

    /// A moment in ISO 8601 with a zone; milliseconds may be absent, and finer parts are dropped.
    ///
    /// # Errors
    ///
    /// When it is none, or outside the years 1970 to 9999.
    pub fn moment(&self) -> Result<Timestamp> {
        let wrong = || self.must("match format \"date-time\"");
        let text = self.value.as_str().ok_or_else(wrong)?;
        // The parser takes more than ISO 8601: zone names in brackets, spaces, week dates.
        let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z');
        if text.len() > 35 || !text.bytes().all(plain) || text.as_bytes().get(10) != Some(&b'T') {
            return Err(wrong());
        }
        let moment: Timestamp = text.parse().map_err(|_| wrong())?;
        let millis = moment.as_millisecond();
        if !(0..=LATEST_MILLIS).contains(&millis) {
            return Err(self.must("be from 1970-01-01T00:00:00.000Z to 9999-12-30T00:00:00.000Z"));
        }
        Timestamp::from_millisecond(millis).map_err(|_| wrong())
    }
}

/// 9999-12-30, a day before the calendar of the date library ends, so that an end can follow.
const LATEST_MILLIS: i64 = 253_402_128_000_000;

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::{Input, Result};

    fn message<T>(result: Result<T>) -> String {
        let error = result.err().expect("an error");
        let body: Value = serde_json::from_slice(&error.render(&HeaderMap::new()).1).unwrap();
        body["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn messages_name_the_place() {
        let body = json!({"p": {"data": [{}, 5]}});
        let data = Input::body(&body).required("p").unwrap().required("data").unwrap();
        assert_eq!(message(Input::body(&body).required("q")), "body must have required property 'q'");
        assert_eq!(
            message(data.array().unwrap()[0].required("userId")),
            "body.p.data[0] must have required property 'userId'"
        );
        assert_eq!(message(data.array().unwrap()[1].required("userId")), "body.p.data[1] must be object");
        assert_eq!(message(data.integer()), "body.p.data must be integer");
        assert_eq!(message(Input::body(&json!([])).required("q")), "body must be object");
    }

    #[test]
    fn scalars_are_turned_into_what_is_expected() {
        let integer = |value: Value| Input::body(&value).integer().ok();
        assert_eq!([json!(3), json!("3"), json!(3.0), json!("3.0")].map(integer), [Some(3); 4]);
        let wrong =
            [json!(3.5), json!("x"), json!(true), json!([3]), json!(1e300), json!(""), json!("inf"), json!("nan")];
        assert_eq!(wrong.map(integer), [None; 8]);
        assert_eq!(Input::body(&json!(5)).text().unwrap(), "5");
        assert_eq!(Input::body(&json!("doctor")).texts().unwrap(), ["doctor"]);
        for bad in [json!(""), json!("a\nb"), json!("x".repeat(257)), json!(null), json!({})] {
            assert!(Input::body(&bad).text().is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_have_a_zone_and_a_year_that_everybody_understands() {
        let read = |text: &str| Input::body(&json!(text)).moment().ok().map(|moment| format!("{moment:.3}"));
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
