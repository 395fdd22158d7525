//! Finds the caller's id where the configuration file says.

use http::{HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One step of the way to the caller's id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct UserIdStep {
    /// How the current value is read.
    from: StepSource,
    /// The property or the index that is taken.
    extract: StepKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StepSource {
    /// A property of an object.
    Object,
    /// A property of the object that a text holds as JSON.
    Json,
    /// An element of an array.
    Array,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum StepKey {
    Index(usize),
    Name(String),
}

/// A path from the request to the caller's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIdPath(Vec<UserIdStep>);

/// The parts of a request that a path may start from.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The headers, with lower-case names.
    pub headers: &'a HeaderMap,
    /// The query string.
    pub query: &'a [(String, String)],
    /// The values in the path.
    pub params: &'a [(&'static str, String)],
}

impl UserIdPath {
    /// Checks the steps.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub fn new(steps: Vec<UserIdStep>) -> Result<Self, &'static str> {
        let Some(first) = steps.first() else { return Err("is empty") };
        match (&first.from, &first.extract) {
            (StepSource::Object, StepKey::Name(name)) if ["headers", "query", "params"].contains(&name.as_str()) => {
                Ok(Self(steps))
            }
            _ => Err("must start from the object `headers`, `query` or `params`"),
        }
    }

    /// The header that it reads, if it starts from one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self.0.as_slice() {
            [UserIdStep { extract: StepKey::Name(part), .. }, UserIdStep { extract: StepKey::Name(name), .. }, ..] => {
                (part == "headers").then_some(name)
            }
            _ => None,
        }
    }

    /// The caller's id; `None` when a step finds nothing.
    #[must_use]
    pub fn find(&self, request: RequestParts<'_>) -> Option<String> {
        let mut value = Value::Object(match &self.0.first()?.extract {
            StepKey::Name(name) if name == "query" => {
                pairs(request.query.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            }
            StepKey::Name(name) if name == "params" => pairs(request.params.iter().map(|(k, v)| (*k, v.as_str()))),
            _ => headers(request.headers),
        });
        for step in self.0.iter().skip(1) {
            if step.from == StepSource::Json {
                value = serde_json::from_str(value.as_str()?).ok()?;
            }
            value = match &step.extract {
                StepKey::Name(name) => match &mut value {
                    Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?)?.take(),
                    other => other.get_mut(name)?.take(),
                },
                StepKey::Index(index) => value.get_mut(index)?.take(),
            };
        }
        match value {
            Value::String(id) if !id.is_empty() => Some(id),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        }
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys().filter_map(|name| Some((name.as_str().to_owned(), only_value(headers, name)?.into())));
    names.collect()
}

/// The value of a header that is there once. Two values mean that one was added in front of the gateway, and either may be
/// forged.
///
/// Properties of a user are JSON with names in it, which some gateways send in UTF-8 and others in Latin-1.
pub(super) fn only_value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    let latin1 = || value.iter().copied().map(char::from).collect();
    values.next().is_none().then(|| std::str::from_utf8(value).map_or_else(|_| latin1(), str::to_owned))
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Map<String, Value> {
    pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::{RequestParts, UserIdPath};

    fn path(steps: Value) -> Result<UserIdPath, &'static str> {
        UserIdPath::new(serde_json::from_value(steps).unwrap())
    }

    fn find(steps: Value) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("miauserid", HeaderValue::from_static("u1"));
        headers.insert(
            "miauserproperties",
            HeaderValue::from_static(r#"{"customUserId": "c1", "ids": ["a", "b"], "n": 7, "empty": ""}"#),
        );
        let query = [("user".to_owned(), "q1".to_owned())];
        path(steps).unwrap().find(RequestParts { headers: &headers, query: &query, params: &[("id", "p1".into())] })
    }

    #[test]
    fn the_id_is_read_from_where_the_steps_lead() {
        let properties = |last: Value| json!([{"from": "object", "extract": "headers"}, {"from": "object", "extract": "miauserproperties"}, last]);
        let of =
            |part: &str, name: &str| json!([{"from": "object", "extract": part}, {"from": "object", "extract": name}]);
        assert_eq!(find(of("headers", "miauserid")).as_deref(), Some("u1"));
        assert_eq!(find(of("query", "user")).as_deref(), Some("q1"));
        assert_eq!(find(of("params", "id")).as_deref(), Some("p1"));
        let custom = json!({"from": "json", "extract": "customUserId"});
        assert_eq!(find(properties(custom)).as_deref(), Some("c1"));
        assert_eq!(find(properties(json!({"from": "json", "extract": "n"}))).as_deref(), Some("7"));
        let mut array = properties(json!({"from": "json", "extract": "ids"}));
        array.as_array_mut().unwrap().push(json!({"from": "array", "extract": 1}));
        assert_eq!(find(array).as_deref(), Some("b"));
    }

    #[test]
    fn an_id_is_found_beside_any_alphabet_but_not_in_two_headers() {
        let steps = || {
            path(json!([{"from": "object", "extract": "headers"}, {"from": "object", "extract": "miauserproperties"},
                {"from": "json", "extract": "customUserId"}]))
            .unwrap()
        };
        let found = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("miauserproperties", HeaderValue::from_bytes(value).unwrap());
            }
            steps().find(RequestParts { headers: &headers, query: &[], params: &[] })
        };
        let utf8 = r#"{"name": "Nicolò", "customUserId": "c1"}"#.as_bytes();
        assert_eq!(found(&[utf8]).as_deref(), Some("c1"));
        assert_eq!(found(&[b"{\"name\": \"Nicol\xf2\", \"customUserId\": \"c1\"}"]).as_deref(), Some("c1"));
        assert_eq!(found(&[utf8, utf8]), None);
    }

    #[test]
    fn a_step_that_finds_nothing_gives_no_id() {
        for last in ["missing", "empty", "ids"] {
            let steps = json!([{"from": "object", "extract": "headers"},
                {"from": "object", "extract": "miauserproperties"}, {"from": "json", "extract": last}]);
            assert_eq!(find(steps), None, "{last}");
        }
        let not_json = json!([{"from": "object", "extract": "headers"},
            {"from": "object", "extract": "miauserid"}, {"from": "json", "extract": "x"}]);
        assert_eq!(find(not_json), None);
    }

    #[test]
    fn a_path_starts_at_a_part_of_the_request() {
        assert!(path(json!([])).is_err());
        assert!(path(json!([{"from": "json", "extract": "headers"}])).is_err());
        assert!(path(json!([{"from": "object", "extract": "socket"}])).is_err());
    }
}
