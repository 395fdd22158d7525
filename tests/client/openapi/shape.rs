//! The shape of JSON values, learned from samples.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What the samples of a value have in common.
#[derive(Debug, Default, Clone)]
pub struct Shape {
    types: BTreeSet<&'static str>,
    /// Whether all texts so far are timestamps, and whether all are addresses.
    formats: Option<[bool; 2]>,
    objects: usize,
    properties: BTreeMap<String, (Shape, usize)>,
    /// The values of an object whose keys are no names.
    entries: Option<Box<Shape>>,
    items: Option<Box<Shape>>,
    component: Option<String>,
}

/// Shapes with a name of their own.
pub type Components = BTreeMap<String, Shape>;

/// The name of the component for objects under a field, or in a list under it.
pub type Naming = fn(&str, bool) -> Option<&'static str>;

impl Shape {
    /// Learns from a sample. Objects in fields that `naming` knows become components.
    pub fn observe(&mut self, value: &Value, component: Option<&str>, components: &mut Components, naming: Naming) {
        self.types.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
        match value {
            Value::String(text) => {
                let now = [text.parse::<Timestamp>().is_ok(), text.starts_with("http")];
                let before = self.formats.unwrap_or([true, true]);
                self.formats = Some([before[0] && now[0], before[1] && now[1]]);
            }
            Value::Array(items) => {
                let shape = self.items.get_or_insert_default();
                for item in items {
                    shape.observe(item, component, components, naming);
                }
            }
            Value::Object(fields) => match component {
                Some(name) => {
                    let mut shape = components.remove(name).unwrap_or_default();
                    shape.observe_fields(fields, components, naming);
                    components.insert(name.to_owned(), shape);
                    self.component = Some(name.to_owned());
                }
                None => self.observe_fields(fields, components, naming),
            },
            _ => {}
        }
    }

    fn observe_fields(&mut self, fields: &Map<String, Value>, components: &mut Components, naming: Naming) {
        self.types.insert("object");
        self.objects += 1;
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if fields.keys().any(|name| !is_name(name)) {
            let entries = self.entries.get_or_insert_default();
            for value in fields.values() {
                entries.observe(value, None, components, naming);
            }
            return;
        }
        for (name, value) in fields {
            let (shape, seen) = self.properties.entry(name.clone()).or_default();
            shape.observe(value, naming(name, value.is_array()), components, naming);
            *seen += 1;
        }
    }

    /// The JSON Schema; `describe` gives the description of a field.
    pub fn schema(&self, describe: fn(&str) -> Option<&'static str>) -> Value {
        if let Some(name) = &self.component
            && !self.types.contains("array")
        {
            let reference = json!({"$ref": format!("#/components/schemas/{name}")});
            let others: Vec<&str> = self.types.iter().copied().filter(|one| *one != "object").collect();
            return if others.is_empty() { reference } else { json!({"anyOf": [reference, {"type": others}]}) };
        }
        let mut types: Vec<&str> = self.types.iter().copied().collect();
        if types.contains(&"number") {
            types.retain(|one| *one != "integer");
        }
        let mut schema = match types[..] {
            // An empty list says nothing about its items.
            [] => json!({}),
            // No sample has the value; all such fields are texts.
            ["null"] => json!({"type": ["string", "null"]}),
            [one] => json!({"type": one}),
            _ => json!({"type": types}),
        };
        match self.formats {
            Some([true, _]) => schema["format"] = "date-time".into(),
            Some([_, true]) => schema["format"] = "uri".into(),
            _ => {}
        }
        if let Some(items) = &self.items {
            schema["items"] = items.schema(describe);
        }
        if let Some(entries) = &self.entries {
            schema["additionalProperties"] = entries.schema(describe);
        }
        if !self.properties.is_empty() {
            let property = |(name, (shape, _)): (&String, &(Self, usize))| {
                let mut schema = shape.schema(describe);
                if let Some(text) = describe(name) {
                    schema["description"] = text.into();
                }
                (name.clone(), schema)
            };
            schema["properties"] = Value::Object(self.properties.iter().map(property).collect());
            // What is sent here each time may be missing at the vendor, except for what a response is about.
            let is_required = |(name, (shape, seen)): &(&String, &(Self, usize))| {
                *seen == self.objects && !shape.types.contains("null") && (shape.items.is_some() || is_essential(name))
            };
            let required: Vec<&String> = self.properties.iter().filter(is_required).map(|(name, _)| name).collect();
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
        }
        schema
    }
}

/// Whether an object without this field is of no use.
fn is_essential(name: &str) -> bool {
    let envelopes = [
        "active_webhooks",
        "broadcast",
        "company",
        "room",
        "theme",
        "user",
        "users",
        "virtual_background",
        "virtual_backgrounds",
    ];
    let values =
        ["access_token", "body", "event", "expires_at", "key", "message", "name", "public_key", "sender", "tag", "url"];
    name == "id"
        || (name.ends_with("_id") && name != "broadcast_id")
        || envelopes.contains(&name)
        || values.contains(&name)
}
