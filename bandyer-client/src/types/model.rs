//! Models of the vendor's objects, read leniently and written under the vendor's names.
//!
//! API versions and operations use different names and encodings for the same value. A model lists all names of a field beside
//! it. Serde's aliases are not used, because an object with two of them is an error there.

use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The fields of a JSON object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self)
    }
}

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The same fields, but this one has this value.
    pub(crate) fn with(&self, name: &str, value: &impl Lenient) -> Self {
        let mut fields = self.0.clone();
        fields.insert(name.to_owned(), value.write());
        Self(fields)
    }

    /// The first of these fields that has a readable value.
    pub(crate) fn first<T: Lenient>(&self, names: &[&str]) -> Option<T> {
        names.iter().find_map(|name| self.0.get(*name).and_then(T::read))
    }
}

impl Lenient for Fields {
    fn read(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    fn write(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// A value that may be encoded in more than one way.
pub(crate) trait Lenient: Sized {
    /// `None` if the value is null or has an unexpected shape.
    fn read(value: &Value) -> Option<Self>;

    fn write(&self) -> Value;
}

/// Implements [`Lenient`] by serde.
macro_rules! lenient_by_serde {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::types::model::Lenient for $name {
            fn read(value: &serde_json::Value) -> Option<Self> {
                $crate::types::model::read_by_serde(value)
            }

            fn write(&self) -> serde_json::Value {
                $crate::types::model::write_by_serde(self)
            }
        }
    )+};
}
pub(crate) use lenient_by_serde;

pub(crate) fn read_by_serde<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

pub(crate) fn write_by_serde<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// `true`, `1`, `"1"` or `"true"`; v1 uses all four.
impl Lenient for bool {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

/// A number or its text.
fn number<T: std::str::FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

impl Lenient for u64 {
    fn read(value: &Value) -> Option<Self> {
        number(value)
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Lenient for u32 {
    fn read(value: &Value) -> Option<Self> {
        number(value)
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Lenient for u8 {
    fn read(value: &Value) -> Option<Self> {
        number(value)
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

/// Seconds, as a number or its text.
impl Lenient for Duration {
    fn read(value: &Value) -> Option<Self> {
        number::<f64>(value).and_then(|seconds| Self::try_from_secs_f64(seconds).ok())
    }

    fn write(&self) -> Value {
        if self.subsec_nanos() == 0 { self.as_secs().into() } else { self.as_secs_f64().into() }
    }
}

/// Numbers from this one on are milliseconds: in seconds it would be the year 5138, in milliseconds it is 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A timestamp in seconds or milliseconds: the vendor's documentation of webhooks shows both.
pub(crate) fn timestamp(number: i64) -> Option<Timestamp> {
    if number >= MILLISECONDS_FROM { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) }.ok()
}

/// ISO 8601, or a number of seconds or milliseconds. Without a time zone, as in backgrounds, it is in UTC.
impl Lenient for Timestamp {
    fn read(value: &Value) -> Option<Self> {
        let Some(text) = value.as_str() else {
            return value.as_i64().filter(|number| *number > 0).and_then(timestamp);
        };
        let without_zone = || jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>().ok()?).ok();
        text.parse().ok().or_else(without_zone)
    }

    fn write(&self) -> Value {
        self.to_string().into()
    }
}

/// An empty text counts as none.
impl Lenient for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn write(&self) -> Value {
        self.as_str().into()
    }
}

/// A field that may be missing.
pub(crate) trait Field: Default {
    fn read(fields: &Fields, names: &[&str]) -> Self;

    /// `None` if the field is left out.
    fn write(&self) -> Option<Value>;
}

impl<T: Lenient> Field for Option<T> {
    fn read(fields: &Fields, names: &[&str]) -> Self {
        fields.first(names)
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().map(Lenient::write)
    }
}

/// Items that cannot be read are skipped, so that one of them does not hide the others.
impl<T: Lenient> Field for Vec<T> {
    fn read(fields: &Fields, names: &[&str]) -> Self {
        let array = names.iter().find_map(|name| fields.get(name)?.as_array());
        array.into_iter().flatten().filter_map(T::read).collect()
    }

    fn write(&self) -> Option<Value> {
        (!self.is_empty()).then(|| self.iter().map(Lenient::write).collect())
    }
}

/// A zero limit means that there is none.
pub(crate) mod limit {
    use super::{Duration, Field, Fields, Value};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<Duration> {
        fields.first(names).filter(|limit: &Duration| !limit.is_zero())
    }

    pub(crate) fn write(limit: &Option<Duration>) -> Option<Value> {
        limit.write()
    }
}

/// Defines a model: the struct, how it is read and written, and a constructor.
///
/// The first name of a field is the one that is written. A field `via` a module is read and written by its functions `read`
/// and `write`.
macro_rules! model {
    (
        $(#[$docs:meta])*
        pub struct $model:ident {
            required { $( $(#[$required_docs:meta])* $required:ident : $required_type:ty = $($required_name:literal)|+ $(via $required_codec:ident)? , )* }
            optional { $( $(#[$field_docs:meta])* $field:ident : $field_type:ty = $($name:literal)|+ $(via $codec:ident)? , )* }
        }
    ) => {
        $(#[$docs])*
        #[non_exhaustive]
        pub struct $model {
            $( $(#[$required_docs])* pub $required: $required_type, )*
            $( $(#[$field_docs])* pub $field: $field_type, )*
        }

        impl $model {
            /// Creates one with all other fields empty, for tests of code that uses this crate.
            #[must_use]
            #[expect(clippy::allow_attributes, reason = "not every model has optional fields")]
            #[allow(clippy::new_without_default, clippy::missing_const_for_fn, reason = "as required fields vary")]
            pub fn new($($required: $required_type),*) -> Self {
                Self { $($required,)* $($field: Default::default(),)* }
            }

            #[expect(clippy::allow_attributes, reason = "not every model has required or optional fields")]
            #[allow(unused_variables, clippy::unnecessary_wraps, reason = "as above")]
            pub(crate) fn read(fields: &$crate::types::model::Fields) -> Result<Self, &'static str> {
                Ok(Self {
                    $( $required: $crate::types::model::model!(@required fields, [$($required_name),+] $(, $required_codec)?)
                        .ok_or(stringify!($required))?, )*
                    $( $field: $crate::types::model::model!(@read fields, [$($name),+] $(, $codec)?), )*
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $model {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let fields = $crate::types::model::Fields::deserialize(deserializer)?;
                Self::read(&fields).map_err(serde::de::Error::missing_field)
            }
        }

        impl serde::Serialize for $model {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serde_json::Map::new();
                $( fields.insert($crate::types::model::model!(@first $($required_name),+).to_owned(), $crate::types::model::Lenient::write(&self.$required)); )*
                $(
                    if let Some(value) = $crate::types::model::model!(@write &self.$field $(, $codec)?) {
                        fields.insert($crate::types::model::model!(@first $($name),+).to_owned(), value);
                    }
                )*
                fields.serialize(serializer)
            }
        }

        $crate::types::model::lenient_by_serde!($model);
    };
    (@required $fields:ident, $names:tt) => { $fields.first(&$names) };
    (@required $fields:ident, $names:tt, $codec:ident) => { $codec::read($fields, &$names) };
    (@first $first:literal $(, $more:literal)*) => { $first };
    (@read $fields:ident, $names:tt) => { $crate::types::model::Field::read($fields, &$names) };
    (@read $fields:ident, $names:tt, $codec:ident) => { $codec::read($fields, &$names) };
    (@write $field:expr) => { $crate::types::model::Field::write($field) };
    (@write $field:expr, $codec:ident) => { $codec::write($field) };
}
pub(crate) use model;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::Lenient;

    #[test]
    fn all_encodings_of_a_flag_are_read() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!(false), Some(false)),
            (json!(1), Some(true)),
            (json!(0), Some(false)),
            (json!("1"), Some(true)),
            (json!("false"), Some(false)),
            (json!("maybe"), None),
            (json!(null), None),
            (json!({"a": 1}), None),
        ] {
            assert_eq!(bool::read(&value), expected);
        }
    }

    #[test]
    fn unexpected_values_are_none() {
        for value in [json!(null), json!(-1), json!("x"), json!([]), json!({}), json!(true)] {
            assert_eq!(Duration::read(&value), None, "{value}");
            assert_eq!(u64::read(&value), None, "{value}");
            assert_eq!(Timestamp::read(&value), None, "{value}");
        }
        assert_eq!(String::read(&json!("")), None);
        assert_eq!(Duration::read(&json!("90")), Some(Duration::from_secs(90)));
        let read = |text: &str| Timestamp::read(&Value::from(text)).unwrap().as_second();
        assert_eq!(read("2024-03-05T09:12:30.000Z"), 1_709_629_950);
        assert_eq!(read("2024-03-05T09:12:30.000"), 1_709_629_950);
    }

    #[test]
    fn every_value_survives_being_written_and_read() {
        fn same<T: Lenient + PartialEq + std::fmt::Debug>(value: T) {
            assert_eq!(T::read(&value.write()), Some(value));
        }
        same(true);
        same(7_u64);
        same(Duration::from_millis(1500));
        same(Duration::from_secs(90));
        same(Timestamp::UNIX_EPOCH);
        same("text".to_owned());
    }
}
