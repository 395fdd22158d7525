//! Decodes the body of an error response, whatever its shape.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Maximum length of a message, in bytes. The rest is cut off.
const MAX_MESSAGE_BYTES: usize = 2048;
/// Maximum length of a code or name, in bytes. All documented ones are shorter than 50 characters.
const MAX_CODE_BYTES: usize = 64;

/// Never fails: if the body has no message, the body itself becomes the message.
///
/// The vendor does not document the shape of an error body. Its error tables have the columns status, name, code and
/// reason, and one public client reads `status` and `code` at the top level. Each key is therefore looked up under
/// `error` and at the top level.
pub(crate) fn decode(body: &[u8]) -> ApiError {
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let levels = [fields.get("error").and_then(Value::as_object), Some(&fields)];
    let text = |key: &str| levels.into_iter().flatten().find_map(|level| level.get(key)?.as_str());
    let raw = String::from_utf8_lossy(body);
    let message = ["message", "reason", "error"].into_iter().find_map(text).unwrap_or(raw.trim());
    ApiError {
        code: text("code").and_then(word),
        name: text("name").and_then(word),
        message: (!message.is_empty()).then(|| cut(message)),
    }
}

/// Codes appear in error texts and logs, so only short plain words are accepted. A sentence in place of a code could
/// contain personal data.
fn word(text: &str) -> Option<String> {
    let fits = (1..=MAX_CODE_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    fits.then(|| text.to_owned())
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_MESSAGE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decode;

    #[test]
    fn every_shape_of_error_body_is_decoded() {
        let table = [
            (r#"{"status":422,"name":"n","code":"c","message":"m"}"#, Some("c"), Some("n"), Some("m")),
            (r#"{"error":{"code":"c","reason":"r"}}"#, Some("c"), None, Some("r")),
            (r#"{"code":"c","error":{"message":"m","name":7},"name":"n"}"#, Some("c"), Some("n"), Some("m")),
            (r#"{"error":"e"}"#, None, None, Some("e")),
            (r#"{"message":7,"reason":"r"}"#, None, None, Some("r")),
            (r#"{"code":42}"#, None, None, Some(r#"{"code":42}"#)),
            (r#"{"code":"a sentence","message":""}"#, None, None, None),
            (r#"{"detail":"d"}"#, None, None, Some(r#"{"detail":"d"}"#)),
            ("\r\n", None, None, None),
            ("", None, None, None),
            ("<html>bad gateway</html>", None, None, Some("<html>bad gateway</html>")),
            ("[1]", None, None, Some("[1]")),
        ];
        for (body, code, name, message) in table {
            let error = decode(body.as_bytes());
            assert_eq!(
                (error.code.as_deref(), error.name.as_deref(), error.message.as_deref()),
                (code, name, message),
                "{body}"
            );
        }
    }

    #[test]
    fn long_message_is_cut_at_a_character_boundary() {
        let message = decode("é".repeat(5000).as_bytes()).message.unwrap();
        assert_eq!(message.len(), 2048);
        assert!(message.chars().all(|c| c == 'é'));
    }

    #[test]
    fn invalid_utf8_is_accepted() {
        assert!(decode(&[0xff, 0x00, 0xfe]).message.is_some());
    }

    #[test]
    fn message_and_code_are_bounded_for_any_body() {
        let anything = prop_oneof![
            any::<Vec<u8>>(),
            any::<(String, String)>().prop_map(|(code, message)| {
                serde_json::json!({"code": code, "error": {"name": code, "reason": message}}).to_string().into_bytes()
            }),
        ];
        proptest!(|(body in anything)| {
            let error = decode(&body);
            prop_assert!(error.message.is_none_or(|message| message.len() <= super::MAX_MESSAGE_BYTES));
            for word in [error.code, error.name].into_iter().flatten() {
                prop_assert!(word.len() <= super::MAX_CODE_BYTES && word.is_ascii() && !word.contains(' '));
            }
        });
    }
}
