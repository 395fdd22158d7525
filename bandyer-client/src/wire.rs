//! Paths and JSON formats of the two API versions. No other module knows paths or field names.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::multipart::Part;

pub(crate) mod lenient;
pub(crate) mod multipart;
pub(crate) mod v1;
pub(crate) mod v2;

/// The content of a request, without host, key and timeouts.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path below the prefix of the API version. Each segment is escaped when the URL is built.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Payload>,
    /// Whether executing the call twice has the same effect as executing it once.
    pub(crate) idempotent: bool,
}

impl Call {
    pub(crate) fn new(method: Method, segments: &[&str]) -> Self {
        // Extension methods are unknown here, so they count as not idempotent.
        let idempotent = method.is_idempotent();
        Self {
            method,
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            idempotent,
        }
    }

    pub(crate) fn get(segments: &[&str]) -> Self {
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
        self.body = Some(Payload::json(bytes));
        self
    }

    /// The JSON body.
    #[cfg(test)]
    fn json_body(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.as_ref().unwrap().bytes).unwrap()
    }

    fn form(mut self, parts: &[Part<'_>]) -> Self {
        self.body = Some(multipart::encode(parts));
        self
    }

    /// Adds offset and page size under their v1 names. Values that are not set are left to the vendor.
    fn skip_and_limit(self, window: Window) -> Self {
        self.query("skip", window.offset_if_any()).query("limit", window.page_size)
    }

    /// Adds offset and page size under their v2 names.
    fn offset_and_limit(self, window: Window) -> Self {
        self.query("offset", window.offset_if_any()).query("limit", window.page_size)
    }

    /// Adds offset and page size under the bracketed names of the v1 lists that return no `has_more`.
    fn filter_window(self, window: Window) -> Self {
        self.query("filter[skip]", window.offset_if_any()).query("filter[limit]", window.page_size)
    }

    fn decode_with<T>(self, decoder: impl Fn(&[u8]) -> Result<T, DecodeFailure> + Send + Sync + 'static) -> Wire<T> {
        Wire { call: self, decoder: Box::new(decoder) }
    }
}

/// The body of a request, which can be sent more than once.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

impl Payload {
    pub(crate) fn json(bytes: Vec<u8>) -> Self {
        Self { content_type: HeaderValue::from_static("application/json"), bytes: Bytes::from(bytes) }
    }
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) offset: u64,
    pub(crate) page_size: Option<u32>,
}

impl Window {
    fn offset_if_any(self) -> Option<u64> {
        (self.offset > 0).then_some(self.offset)
    }
}

/// A call and the decoder of its response.
pub(crate) struct Wire<T> {
    pub(crate) call: Call,
    pub(crate) decoder: Decoder<T>,
}

pub(crate) type Decoder<T> = Box<dyn Fn(&[u8]) -> Result<T, DecodeFailure> + Send + Sync>;

/// Why an API version has no call for a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lacking {
    /// It does not have the operation.
    Operation,
    /// It has the operation, but not this part of it.
    Part(&'static str),
}

/// A call, or what the API version lacks for it.
pub(crate) type Offer<T> = Result<Wire<T>, Lacking>;

/// Where in the response decoding failed, and why. It does not contain the value itself.
#[derive(Debug)]
pub(crate) struct DecodeFailure {
    pub(crate) detail: String,
}

/// Decodes JSON. Errors contain the path of the wrong value.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeFailure> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let cause = match error.inner().classify() {
            serde_json::error::Category::Eof => "the JSON ends early",
            serde_json::error::Category::Syntax => "this is no JSON",
            // serde's message may quote the value.
            _ => "a field is missing or of another type",
        };
        DecodeFailure { detail: format!("at `{}`: {cause}", shown_path(error.path())) }
    })?;
    deserializer.end().map_err(|_| DecodeFailure { detail: "something follows the JSON".to_owned() })?;
    Ok(value)
}

/// The path without parts that may be personal data: in some responses, URLs and ids are keys.
fn shown_path(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let is_field =
        |key: &str| (1..=40).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let mut shown = String::new();
    for segment in path.iter() {
        if !shown.is_empty() && !matches!(segment, Segment::Seq { .. }) {
            shown.push('.');
        }
        match segment {
            Segment::Seq { index } => shown.push_str(&format!("[{index}]")),
            Segment::Map { key } if is_field(key) => shown.push_str(key),
            Segment::Enum { variant } => shown.push_str(variant),
            Segment::Map { .. } => shown.push('*'),
            Segment::Unknown => shown.push('?'),
        }
    }
    if shown.is_empty() { ".".to_owned() } else { shown }
}

/// Decodes JSON that the caller does not depend on: an empty body, or JSON of another shape, is replaced by
/// `otherwise`. A body that is not JSON is still an error.
pub(crate) fn json_or<T>(
    body: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, DecodeFailure>,
    otherwise: impl FnOnce() -> T,
) -> Result<T, DecodeFailure> {
    if body.trim_ascii().is_empty() {
        return Ok(otherwise());
    }
    read(body).or_else(|failure| json::<serde::de::IgnoredAny>(body).map(|_| otherwise()).map_err(|_| failure))
}

/// Decodes one page of a list: an array under the given name, next to offset, limit and `has_more`. The envelope of
/// most v2 lists is inferred, so missing fields are filled in from the request.
macro_rules! page_of {
    ($window:expr, $name:ident $(or $alias:literal)* : $record:ty) => {{
        let window: $crate::wire::Window = $window;
        move |body: &[u8]| {
            #[derive(serde::Deserialize)]
            struct Listed {
                $(#[serde(alias = $alias)])*
                $name: Vec<$record>,
                #[serde(alias = "skip")]
                offset: Option<u64>,
                limit: Option<u64>,
                has_more: Option<bool>,
            }
            let listed: Listed = $crate::wire::json(body)?;
            let page = $crate::model::page::Page::inferred(listed.$name.into_iter().map(Into::into).collect(), window);
            Ok(page.with_reported(listed.offset, listed.limit, listed.has_more))
        }
    }};
}
pub(crate) use page_of;

/// Decodes JSON and converts it.
pub(crate) fn json_as<R: DeserializeOwned, T: From<R>>(body: &[u8]) -> Result<T, DecodeFailure> {
    json::<R>(body).map(T::from)
}

/// For operations whose response adds nothing to its status. The body must still be empty or JSON: a proxy's HTML page
/// with status 200 does not prove that the vendor did anything.
pub(crate) fn nothing(body: &[u8]) -> Result<(), DecodeFailure> {
    json_or(body, |body| json::<serde::de::IgnoredAny>(body).map(drop), || ())
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
    fn only_an_empty_or_json_body_proves_success() {
        for body in ["", " \n", "null", r#"{"message": "ok"}"#] {
            assert!(super::nothing(body.as_bytes()).is_ok(), "{body}");
        }
        assert!(super::nothing(b"<html>Sign in to continue</html>").is_err());
    }

    #[test]
    fn extension_methods_are_not_idempotent() {
        let idempotent = |method: &str| super::Call::new(method.parse().unwrap(), &[]).idempotent;
        assert_eq!(
            ["GET", "PUT", "DELETE", "POST", "PATCH", "PURCHASE"].map(idempotent),
            [true, true, true, false, false, false]
        );
    }

    #[test]
    fn decode_error_contains_the_path_but_not_the_value() {
        let failure = super::json::<Outer>(br#"{"items":[1,"canary"]}"#).unwrap_err();
        assert_eq!(failure.detail, "at `items[1]`: a field is missing or of another type");
        let keyed = super::json::<std::collections::BTreeMap<String, u32>>(br#"{"https://h/?t=canary":"x"}"#);
        assert_eq!(keyed.unwrap_err().detail, "at `*`: a field is missing or of another type");
        let failure = super::json::<Outer>(br#"{"items":[1,"#).unwrap_err();
        assert!(failure.detail.ends_with("the JSON ends early"), "{}", failure.detail);
        let failure = super::json::<Outer>(b"<html>canary").unwrap_err();
        assert!(failure.detail.ends_with("this is no JSON"), "{}", failure.detail);
        assert!(super::json::<Outer>(br#"{"items":[]} x"#).is_err());
    }
}
