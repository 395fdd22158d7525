//! A part of the file that is parsed on its own.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A part of type `T` that is not parsed yet. The parser stops at its first error; parsing the parts one by one finds one
/// in each of them. The schema is that of `T`.
///
/// A part that is missing or null is absent.
#[derive(Debug)]
pub(super) struct Part<T> {
    value: Option<Value>,
    part_of: PhantomData<T>,
}

/// Why a part cannot be parsed.
pub(super) struct PartError {
    /// The place inside the part; empty for the whole part.
    pub(super) place: String,
    pub(super) error: serde_json::Error,
}

impl<T: DeserializeOwned> Part<T> {
    pub(super) const fn is_absent(&self) -> bool {
        self.value.is_none()
    }

    /// Whether it is present and is something else than an object.
    pub(super) fn is_no_object(&self) -> bool {
        self.value.as_ref().is_some_and(|value| !value.is_object())
    }

    pub(super) fn parse(self) -> Result<Option<T>, PartError> {
        let Some(value) = self.value else { return Ok(None) };
        serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
            let place = error.path().to_string();
            PartError { place: if place == "." { String::new() } else { place }, error: error.into_inner() }
        })
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { value: None, part_of: PhantomData }
    }
}

impl<'de, T> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { value: Option::deserialize(deserializer)?, part_of: PhantomData })
    }
}

impl<T: JsonSchema> JsonSchema for Part<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
