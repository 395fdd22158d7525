//! Decodes the bodies of responses.

use serde::de::DeserializeOwned;

use crate::types::model::{Fields, Lenient};
use crate::types::page::{Page, Window};

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
            // serde's message may quote the value, except for the name of a missing field.
            _ => {
                let text = error.inner().to_string();
                let name = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
                return missing(&name.map_or_else(|| shown_path(error.path()), |name| below(error.path(), name)));
            }
        };
        DecodeFailure { detail: format!("at `{}`: {cause}", shown_path(error.path())) }
    })?;
    deserializer.end().map_err(|_| DecodeFailure { detail: "something follows the JSON".to_owned() })?;
    Ok(value)
}

fn below(path: &serde_path_to_error::Path, name: &str) -> String {
    match shown_path(path) {
        path if path == "." => name.to_owned(),
        path => format!("{path}.{name}"),
    }
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

/// Decodes what is under a name.
pub(crate) fn json_at<T: Lenient>(body: &[u8], name: &str) -> Result<T, DecodeFailure> {
    json::<Fields>(body)?.first(&[name]).ok_or_else(|| missing(name))
}

pub(crate) fn missing(name: &str) -> DecodeFailure {
    DecodeFailure { detail: format!("at `{name}`: a field is missing or of another type") }
}

/// The items under the first of these names that holds a list, and the number of those that cannot be read.
pub(crate) fn items<T: Lenient>(fields: &Fields, names: &[&str]) -> Result<(Vec<T>, u64), DecodeFailure> {
    let array = names.iter().find_map(|name| fields.get(name)?.as_array());
    let array = array.ok_or_else(|| missing(names.first().copied().unwrap_or_default()))?;
    let items: Vec<T> = array.iter().filter_map(T::read).collect();
    let skipped = (array.len() - items.len()) as u64;
    Ok((items, skipped))
}

/// Decodes a list without pages.
pub(crate) fn all_items<T: Lenient>(body: &[u8], name: &str) -> Result<Vec<T>, DecodeFailure> {
    items(&json(body)?, &[name]).map(|(items, _)| items)
}

/// Decodes one page of a list: an array under this name, next to offset, limit and `has_more`.
pub(crate) fn page<T: Lenient>(
    window: Window,
    name: &'static str,
) -> impl Fn(&[u8]) -> Result<Page<T>, DecodeFailure> + Send + Sync + 'static {
    move |body| read_page(body, window, &[name])
}

/// Decodes one page of a list: an array under the first of these names that holds one, next to offset, limit and `has_more`.
/// The envelope of most v2 lists is inferred, so missing fields are filled in from the request.
pub(crate) fn page_named<T: Lenient>(
    window: Window,
    names: &'static [&'static str],
) -> impl Fn(&[u8]) -> Result<Page<T>, DecodeFailure> + Send + Sync + 'static {
    move |body| read_page(body, window, names)
}

fn read_page<T: Lenient>(body: &[u8], window: Window, names: &[&str]) -> Result<Page<T>, DecodeFailure> {
    let fields: Fields = json(body)?;
    let (items, skipped) = items(&fields, names)?;
    let page = Page::inferred(items, skipped, window);
    Ok(page.with_reported(fields.first(&["offset", "skip"]), fields.first(&["limit"]), fields.first(&["has_more"])))
}

/// For operations whose response adds nothing to its status. The body must still be empty or JSON: a proxy's HTML page
/// with status 200 does not prove that the vendor did anything.
pub(crate) fn nothing(body: &[u8]) -> Result<(), DecodeFailure> {
    json_or(body, |body| json::<serde::de::IgnoredAny>(body).map(drop), || ())
}

/// Decodes a response that consists of a link.
pub(crate) fn link<T: Lenient>(body: &[u8]) -> Result<T, DecodeFailure> {
    json_at(body, "url")
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
