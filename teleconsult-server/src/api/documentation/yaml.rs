//! Writes a JSON value as YAML.
//!
//! Texts stay in JSON's quotes, which YAML understands, so nothing can be taken for a date, a number or a "no".

use serde_json::Value;

/// The value in block style.
pub(super) fn written(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                text.push_str(&format!("{indent}{}:", Value::from(name.as_str())));
                write_below(value, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.push_str(&format!("{indent}-"));
                write_below(item, depth, text);
            }
        }
        other => text.push_str(&format!("{indent}{other}\n")),
    }
}

fn write_below(value: &Value, depth: usize, text: &mut String) {
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        write(value, depth + 1, text);
    } else {
        text.push_str(&format!(" {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn blocks_are_indented_and_texts_quoted() {
        let value = json!({"a": {"200": "no", "e": {}, "l": [1, {"b": null, "c": "x\ny"}, []]}});
        let expected = "\"a\":\n  \"200\": \"no\"\n  \"e\": {}\n  \"l\":\n    - 1\n    -\n      \"b\": null\n      \"c\": \"x\\ny\"\n    - []\n";
        assert_eq!(super::written(&value), expected);
    }
}
