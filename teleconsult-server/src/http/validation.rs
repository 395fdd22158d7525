//! Reads a JSON body into a type and reports which value is wrong.
//!
//! The rules and messages are those of the predecessor's validator:
//!
//! - Scalars are converted into the expected type (`"3"` into 3, 5 into `"5"`), unknown fields are ignored, and null in
//!   place of a field counts as absent.
//! - The first thing that is wrong is reported, in the order of the type's fields.
//! - The message of an error is the path of the value, "must", and a requirement. A type with requirements of its own
//!   says them with [`serde::de::Error::custom`], or as what its visitor expects.
//! - An enum stands for values of several JSON types. Its variants are named `object`, `array` and `scalar`; the first
//!   one is what a value that fits none of them should have been.

use std::fmt;

use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::error::ApiError;

/// A type that a body is read into.
pub trait RequestBody: DeserializeOwned {
    /// Fields and the names that older callers have for them. The newer name wins.
    const OLDER_NAMES: &'static [(&'static str, &'static str)] = &[];

    /// Fields that exclude each other. Two of them are reported before what is wrong with their values.
    const ALTERNATIVES: &'static [&'static str] = &[];
}

/// Reads the body of a request.
///
/// # Errors
///
/// 400 with the first thing that is wrong.
pub fn read_body<T: RequestBody>(value: &Value) -> Result<T, ApiError> {
    read(value, Names { older: T::OLDER_NAMES, alternatives: T::ALTERNATIVES })
        .map_err(|invalid| ApiError::validation(invalid.to_string()))
}

fn read<'de, T: Deserialize<'de>>(value: &'de Value, names: Names) -> Result<T, Invalid> {
    let path = Path::Root;
    T::deserialize(Reader { value: Some(value), path: &path, names }).map_err(|error| error.at(&path))
}

/// What [`RequestBody`] says about names of fields.
#[derive(Clone, Copy, Default)]
struct Names {
    older: &'static [(&'static str, &'static str)],
    alternatives: &'static [&'static str],
}

/// A value that is not what it must be.
#[derive(Debug)]
struct Invalid {
    /// Where it is, once known.
    path: Option<String>,
    requirement: String,
}

impl Invalid {
    fn required(object: &Path<'_>, name: &str) -> Self {
        Self { path: Some(object.to_string()), requirement: format!("have required property '{name}'") }
    }

    /// Says where the value is, unless a deeper place is known.
    fn at(mut self, path: &Path<'_>) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must {}", self.path.as_deref().unwrap_or("body"), self.requirement)
    }
}

impl std::error::Error for Invalid {}

impl de::Error for Invalid {
    fn custom<T: fmt::Display>(requirement: T) -> Self {
        Self { path: None, requirement: requirement.to_string() }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expected)
    }
}

/// The place of a value in the body.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("body"),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The requirement that exactly one of these fields is there.
pub fn exactly_one(names: &[&str]) -> String {
    format!("have exactly one of the properties '{}'", names.join("', '"))
}

/// A value to read.
#[derive(Clone, Copy)]
struct Reader<'de, 'p> {
    /// Nothing stands for a field that is absent.
    value: Option<&'de Value>,
    path: &'p Path<'p>,
    names: Names,
}

impl<'de> Reader<'de, '_> {
    fn present(&self) -> Result<&'de Value, Invalid> {
        self.value.ok_or_else(|| match self.path {
            Path::Field(parent, name) => Invalid::required(parent, name),
            Path::Root | Path::Item(..) => self.must("be object"),
        })
    }

    fn must(&self, requirement: &str) -> Invalid {
        Invalid { path: Some(self.path.to_string()), requirement: requirement.to_owned() }
    }
}

fn integer(value: &Value) -> Option<i64> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
        _ => None,
    }
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Invalid;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.present()? {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(de::Error::custom(&visitor as &dyn Expected)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        if self.value.is_none() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_i64(integer(self.present()?).ok_or_else(|| self.must("be integer"))?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.present()? {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => visitor.visit_string(number.to_string()),
            Value::Bool(flag) => visitor.visit_string(flag.to_string()),
            _ => Err(self.must("be string")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        let items = self.present()?.as_array().ok_or_else(|| self.must("be array"))?;
        visitor.visit_seq(Items { items: items.iter().enumerate(), array: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        let values = self.present()?.as_object().ok_or_else(|| self.must("be object"))?;
        visitor.visit_map(Fields { names: fields.iter(), name: "", values, object: self })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        let kind = match self.present()? {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::Null => "null",
            Value::String(_) | Value::Number(_) | Value::Bool(_) => "scalar",
        };
        if variants.contains(&kind) {
            return visitor.visit_enum(Variant { kind, reader: self });
        }
        Err(self.must(match variants.first() {
            Some(&"object") => "be object",
            Some(&"array") => "be array",
            _ => "be string",
        }))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct map
        identifier ignored_any
    }
}

/// The items of an array.
struct Items<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    array: Reader<'de, 'p>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Invalid;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Invalid> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let path = Path::Item(self.array.path, index);
        let reader = Reader { value: Some(value), path: &path, ..self.array };
        seed.deserialize(reader).map(Some).map_err(|error| error.at(&path))
    }
}

/// All fields of the type, in its order, those that are absent too.
struct Fields<'de, 'p> {
    names: std::slice::Iter<'static, &'static str>,
    name: &'static str,
    values: &'de Map<String, Value>,
    object: Reader<'de, 'p>,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Invalid;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Invalid> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.name = name;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Invalid> {
        let present = |name: &str| self.values.get(name).filter(|value| !value.is_null());
        let alternatives = self.object.names.alternatives;
        if alternatives.contains(&self.name) && alternatives.iter().filter(|name| present(name).is_some()).count() > 1 {
            return Err(self.object.must(&exactly_one(alternatives)));
        }
        let older_names =
            self.object.names.older.iter().filter(|(name, _)| *name == self.name).map(|(_, older)| *older);
        let mut found = std::iter::once(self.name).chain(older_names).filter_map(|name| Some((name, present(name)?)));
        let (name, value) = found.next().map_or((self.name, None), |(name, value)| (name, Some(value)));
        let path = Path::Field(self.object.path, name);
        seed.deserialize(Reader { value, path: &path, ..self.object }).map_err(|error| error.at(&path))
    }
}

/// The variant of an enum for one JSON type.
struct Variant<'de, 'p> {
    kind: &'static str,
    reader: Reader<'de, 'p>,
}

impl<'de, 'p> EnumAccess<'de> for Variant<'de, 'p> {
    type Error = Invalid;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Invalid> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.kind))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = Invalid;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Invalid> {
        seed.deserialize(self.reader)
    }

    fn unit_variant(self) -> Result<(), Invalid> {
        Ok(())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Invalid> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Invalid> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::{Names, read};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        list: Vec<Inner>,
        number: i64,
        text: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        id: String,
        words: Words,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Words {
        Scalar(String),
        Array(Vec<String>),
    }

    fn outer(value: &Value) -> Result<Outer, String> {
        read(value, Names { older: &[("id", "old")], ..Names::default() }).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn messages_name_the_first_wrong_place_in_the_order_of_the_type() {
        let item = json!({"id": "a", "words": "w"});
        for (value, message) in [
            (json!([]), "body must be object"),
            (json!(null), "body must be object"),
            (json!({"number": "x"}), "body must have required property 'list'"),
            (json!({"number": "x", "list": null}), "body must have required property 'list'"),
            (json!({"number": "x", "list": {}}), "body.list must be array"),
            (json!({"number": "x", "list": [item, 5]}), "body.list[1] must be object"),
            (json!({"number": "x", "list": [{"words": 5}]}), "body.list[0] must have required property 'id'"),
            (json!({"number": "x", "list": [{"old": [], "words": 5}]}), "body.list[0].old must be string"),
            (json!({"number": "x", "list": [{"id": "a", "words": {}}]}), "body.list[0].words must be string"),
            (json!({"number": "x", "list": [{"id": "a", "words": [{}]}]}), "body.list[0].words[0] must be string"),
            (json!({"number": "x", "list": [item]}), "body.number must be integer"),
            (json!({"number": 5, "list": [], "text": {}}), "body.text must be string"),
        ] {
            assert_eq!(outer(&value), Err(message.to_owned()), "{value}");
        }
    }

    #[test]
    fn older_names_are_read_and_unknown_ones_are_ignored() {
        let value = json!({"list": [{"old": 5, "words": true}, {"old": "o", "id": "n", "words": ["a", 1]}],
            "number": "3", "text": null, "else": 5});
        let words = |words: &[&str]| Words::Array(words.iter().map(|&word| word.to_owned()).collect());
        let list = vec![
            Inner { id: "5".to_owned(), words: Words::Scalar("true".to_owned()) },
            Inner { id: "n".to_owned(), words: words(&["a", "1"]) },
        ];
        assert_eq!(outer(&value), Ok(Outer { list, number: 3, text: None }));
    }

    #[test]
    fn whole_numbers_are_integers_also_as_strings() {
        let integer = |value: Value| read::<i64>(&value, Names::default()).ok();
        assert_eq!([json!(3), json!("3"), json!(3.0), json!("3.0")].map(integer), [Some(3); 4]);
        let wrong =
            [json!(3.5), json!("x"), json!(true), json!([3]), json!(1e300), json!(""), json!("inf"), json!("nan")];
        assert_eq!(wrong.map(integer), [None; 8]);
    }
}
