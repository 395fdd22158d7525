//! Paths and JSON of the two generations. Nothing else in the crate knows a path or the name of a field.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) mod lenient;
pub(crate) mod v1;
pub(crate) mod v2;

/// What is sent, without host, key and time-outs.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path below the prefix of the generation; escaped one by one when the URL is made.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Whether happening twice is the same as happening once.
    pub(crate) idempotent: bool,
}

impl Call {
    pub(crate) fn new(method: Method, segments: &[&str]) -> Self {
        let idempotent = !matches!(method, Method::POST | Method::PATCH);
        Self {
            method,
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            idempotent,
        }
    }

    fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    fn put(segments: &[&str]) -> Self {
        Self::new(Method::PUT, segments)
    }

    fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments)
    }

    fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments)
    }

    fn idempotent(mut self, yes: bool) -> Self {
        self.idempotent = yes;
        self
    }

    fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name.to_owned(), value.to_string()));
        }
        self
    }

    fn json(mut self, body: &impl Serialize) -> Self {
        #[expect(clippy::expect_used, reason = "the wire structs are plain: string keys, no failing serializer")]
        let bytes = serde_json::to_vec(body).expect("a wire struct is always JSON");
        self.body = Some(Bytes::from(bytes));
        self
    }

    fn answered_by<T>(self, decoder: Decoder<T>) -> Wire<T> {
        Wire { call: self, decoder }
    }
}

/// A call and how its answer is read.
pub(crate) struct Wire<T> {
    pub(crate) call: Call,
    pub(crate) decoder: Decoder<T>,
}

pub(crate) type Decoder<T> = fn(&[u8]) -> Result<T, DecodeFailure>;

/// Where in the answer reading failed, and why; never what stood there.
#[derive(Debug)]
pub(crate) struct DecodeFailure {
    pub(crate) detail: String,
}

/// Reads JSON and says at which path it is wrong.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeFailure> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let cause = match error.inner().classify() {
            serde_json::error::Category::Eof => "the JSON ends early",
            serde_json::error::Category::Syntax => "this is no JSON",
            // serde's own sentence may quote the value.
            _ => "a field is missing or of another type",
        };
        DecodeFailure { detail: format!("at `{}`: {cause}", error.path()) }
    })?;
    deserializer.end().map_err(|_| DecodeFailure { detail: "something follows the JSON".to_owned() })?;
    Ok(value)
}

/// For operations whose answer says nothing that the status does not say.
pub(crate) const fn nothing(_body: &[u8]) -> Result<(), DecodeFailure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its type matters")]
        items: Vec<u32>,
    }

    #[test]
    fn a_decoding_failure_names_the_path_and_not_the_value() {
        let failure = super::json::<Outer>(br#"{"items":[1,"canary"]}"#).unwrap_err();
        assert_eq!(failure.detail, "at `items[1]`: a field is missing or of another type");
        let failure = super::json::<Outer>(br#"{"items":[1,"#).unwrap_err();
        assert!(failure.detail.ends_with("the JSON ends early"), "{}", failure.detail);
        let failure = super::json::<Outer>(b"<html>canary").unwrap_err();
        assert!(failure.detail.ends_with("this is no JSON"), "{}", failure.detail);
        assert!(super::json::<Outer>(br#"{"items":[]} x"#).is_err());
    }
}
