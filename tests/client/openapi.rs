//! The OpenAPI descriptions of both API versions, held against the table of operations, the requests of the client and the
//! responses of the emulator.
//!
//! After a change of an operation, `BANDYER_WRITE_OPENAPI=1 cargo nextest run -p bandyer-workspace --test client openapi`
//! writes them anew; read what changed before it is committed.

mod draft;
mod shape;

use std::collections::BTreeSet;
use std::path::PathBuf;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Emulator, Operation};
use serde_json::{Value, json};

use crate::operations::{Body, cases};
use crate::scenarios::{ALL, World};

const VERSIONS: [(ApiVersion, &str); 2] = [(ApiVersion::V1, "v1"), (ApiVersion::V2, "v2")];

/// Fast Call and the link to a broadcast have the same path and method, which OpenAPI describes as one operation.
fn described_as(operation: Operation) -> Operation {
    if operation == Operation::FastCall { Operation::GetBroadcastLink } else { operation }
}

/// One request and its response.
struct Exchange {
    operation: Operation,
    query: Vec<String>,
    body: Option<Value>,
    is_form: bool,
    response: Option<Value>,
    status: u16,
}

/// What the scenarios exchange with the emulator, and what the client sends to a mock server.
async fn exchanges(version: ApiVersion) -> Vec<Exchange> {
    let mut all = Vec::new();
    for scenario in ALL {
        let world = World::new(version).await;
        scenario(&world).await;
        for call in world.emulator.calls() {
            let Some(status) = call.status.filter(|status| (200..300).contains(status)) else { continue };
            let is_form = call.body.as_ref().is_some_and(is_outline);
            let query = call.query.unwrap_or_default();
            let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
            let (operation, body, response) = (described_as(call.operation), call.body, call.response);
            all.push(Exchange { operation, query: names, body, is_form, response, status });
        }
    }
    for case in cases() {
        let operation = Operation::ALL.iter().find(|operation| operation.name() == case.name).unwrap();
        let sent = if version == ApiVersion::V1 { case.v1 } else { case.v2 };
        // On v2, the uploads of a room are a filter of all uploads.
        let Some(sent) = sent.filter(|_| operation.method_and_path(version).is_some()) else { continue };
        let (body, is_form) = match sent.body {
            Body::None => (None, false),
            Body::Json(body) => (Some(body), false),
            // The scenarios send the same forms with the types of their fields.
            Body::Form(_) => (None, true),
        };
        let query = sent.query.iter().map(|(name, _)| (*name).to_owned()).collect();
        all.push(Exchange { operation: described_as(*operation), query, body, is_form, response: None, status: 0 });
    }
    all
}

/// Whether a recorded body is the outline of a form.
fn is_outline(body: &Value) -> bool {
    let is_field = |field: &Value| field.get("content_type").is_some() && field.get("bytes").is_some();
    body.as_object().is_some_and(|fields| !fields.is_empty() && fields.values().all(is_field))
}

fn path_of(name: &str) -> PathBuf {
    PathBuf::from(format!("bandyer-client/openapi/{name}.yaml"))
}

fn read(name: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path_of(name)).unwrap()).unwrap()
}

/// The description of an operation.
fn described(document: &Value, version: ApiVersion, operation: Operation) -> &Value {
    let (method, path) = operation.method_and_path(version).unwrap().split_once(' ').unwrap();
    let found = &document["paths"][path][method.to_lowercase()];
    assert!(found.is_object(), "{version}: {method} {path} is not described");
    found
}

/// A schema with everything that it refers to.
fn with_components(schema: &Value, document: &Value) -> Value {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    schema
}

fn problems(schema: &Value, document: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&with_components(schema, document)).unwrap();
    validator.iter_errors(value).map(|error| format!("at `{}`: {error}", error.instance_path())).collect()
}

#[tokio::test]
async fn every_operation_is_described_as_it_is_sent_and_answered() {
    for (version, name) in VERSIONS {
        let exchanges = exchanges(version).await;
        if std::env::var_os("BANDYER_WRITE_OPENAPI").is_some() {
            std::fs::create_dir_all("bandyer-client/openapi").unwrap();
            std::fs::write(path_of(name), draft::document(version, &exchanges)).unwrap();
        }
        let document = read(name);
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        let mut answered = BTreeSet::new();
        for exchange in &exchanges {
            let operation = exchange.operation.name();
            let described = described(&document, version, exchange.operation);
            for name in &exchange.query {
                let parameters = described["parameters"].as_array().unwrap();
                let is_described = parameters.iter().any(|one| one["name"] == **name && one["in"] == "query");
                assert!(is_described, "{version}: {operation}: the query parameter {name} is not described");
            }
            if let Some(body) = exchange.body.as_ref().filter(|_| !exchange.is_form) {
                let schema = &described["requestBody"]["content"]["application/json"]["schema"];
                assert!(schema.is_object(), "{version}: {operation}: the body is not described");
                let problems = problems(schema, &document, body);
                assert!(problems.is_empty(), "{version}: {operation}: request: {problems:?}");
            }
            if let (Some(Value::Object(fields)), true) = (&exchange.body, exchange.is_form) {
                let schema = &described["requestBody"]["content"]["multipart/form-data"]["schema"];
                for field in fields.keys() {
                    assert!(
                        schema["properties"][field].is_object(),
                        "{version}: {operation}: {field} is not described"
                    );
                }
            }
            if exchange.status == 0 {
                continue;
            }
            let response = &described["responses"][exchange.status.to_string()];
            assert!(response.is_object(), "{version}: {operation}: {} is not described", exchange.status);
            if let Some(body) = &exchange.response {
                let problems = problems(&response["content"]["application/json"]["schema"], &document, body);
                assert!(problems.is_empty(), "{version}: {operation}: response: {problems:?}");
            }
            answered.insert(operation);
        }
        let expected: BTreeSet<&str> = operations(version).map(Operation::name).collect();
        assert_eq!(answered, expected, "{version}");
    }
}

fn operations(version: ApiVersion) -> impl Iterator<Item = Operation> {
    let exists = move |operation: &Operation| operation.method_and_path(version).is_some();
    Operation::ALL.iter().copied().filter(exists).filter(|operation| described_as(*operation) == *operation)
}

#[test]
fn exactly_the_operations_of_the_table_are_described() {
    for (version, name) in VERSIONS {
        let document = read(name);
        let mut ids = BTreeSet::new();
        for operation in operations(version) {
            let described = described(&document, version, operation);
            assert!(ids.insert(described["operationId"].as_str().unwrap().to_owned()), "{operation:?}");
            let is_inferred = described["x-inferred"] == true;
            assert_eq!(is_inferred, operation.is_inferred(version), "{version}: {operation:?}");
        }
        let paths = document["paths"].as_object().unwrap();
        let count: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(count, ids.len(), "{version}");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{version}: {pointer}");
        }
    }
}

#[tokio::test]
async fn a_response_without_a_required_field_or_with_another_type_does_not_fit() {
    for (version, name) in VERSIONS {
        let document = read(name);
        let mut checked = BTreeSet::new();
        for exchange in exchanges(version).await {
            let Some(Value::Object(fields)) = &exchange.response else { continue };
            if fields.is_empty() {
                continue;
            }
            let described = described(&document, version, exchange.operation);
            let schema = &described["responses"][exchange.status.to_string()]["content"]["application/json"]["schema"];
            let is_refused = |changed: Value| !problems(schema, &document, &changed).is_empty();
            for name in fields.keys() {
                let mut other_type = fields.clone();
                other_type.insert(name.clone(), if fields[name].is_array() { json!(7) } else { json!([[]]) });
                assert!(is_refused(other_type.into()), "{version}: {:?}: {name} of another type", exchange.operation);
            }
            let without = |name: &String| {
                let mut fewer = fields.clone();
                fewer.remove(name);
                Value::from(fewer)
            };
            // Settings have no id, and each of them may be missing.
            let is_of_settings = [
                Operation::GetCompany,
                Operation::UpdateCompany,
                Operation::GetTheme,
                Operation::UpdateTheme,
                Operation::SetLogo,
                Operation::GetRecordingSettings,
                Operation::UpdateRecordingSettings,
                Operation::SetAvatar,
                Operation::ListTranslations,
            ];
            let has_required = fields.keys().any(|name| is_refused(without(name)));
            let is_expected = is_of_settings.contains(&exchange.operation) || returns_nothing(exchange.operation);
            assert!(has_required || is_expected, "{version}: {:?} requires no field", exchange.operation);
            checked.insert(exchange.operation.name());
        }
        assert!(checked.len() > 40, "{version}: {}", checked.len());
    }
}

/// Whether the response adds nothing to its status.
fn returns_nothing(operation: Operation) -> bool {
    let name = operation.name();
    ["delete ", "disable ", "remove ", "revoke ", "start ", "stop ", "ring ", "create chat", "set ", "check "]
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

#[tokio::test]
async fn errors_are_described_as_they_are_answered() {
    let emulator = Emulator::start().await.unwrap();
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(5)).build().unwrap();
    for (version, name) in VERSIONS {
        let document = read(name);
        let schema = json!({"$ref": "#/components/schemas/Error"});
        let url = emulator.base_url(version);
        let (users, rooms) = match version {
            ApiVersion::V1 => ("user/list/nobody", "room/create"),
            _ => ("users/nobody", "rooms"),
        };
        let key = emulator.api_key().expose();
        for (request, class) in [
            (http.get(format!("{url}/{users}")).header("apikey", "wrong"), [401, 401]),
            (http.get(format!("{url}/{users}")).header("apikey", key), [400, 404]),
            (http.post(format!("{url}/{rooms}")).header("apikey", key).json(&json!({})), [400, 422]),
        ] {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            assert!(class.contains(&status), "{status}");
            let body: Value = response.json().await.unwrap();
            let problems = problems(&schema, &document, &body);
            assert!(problems.is_empty(), "{version}: {status}: {problems:?}");
        }
    }
}
