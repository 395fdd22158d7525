//! Decodes the bodies of responses.

use serde::Deserialize;
use serde::de::DeserializeOwned;

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
        let window: $crate::types::page::Window = $window;
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
            let listed: Listed = $crate::http::decode::json(body)?;
            let page = $crate::types::page::Page::inferred(listed.$name.into_iter().map(Into::into).collect(), window);
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

/// Decodes a response that consists of a link.
pub(crate) fn link<T: From<String>>(body: &[u8]) -> Result<T, DecodeFailure> {
    #[derive(Deserialize)]
    struct Linked {
        url: String,
    }
    json::<Linked>(body).map(|linked| T::from(linked.url))
}

#[cfg(test)]
mod tests {

    #[derive(Debug, serde::Deserialize)]
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
