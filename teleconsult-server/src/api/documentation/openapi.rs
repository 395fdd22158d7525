//! Puts the OpenAPI document together: the router's table, the types that handlers write, and the errors they give.
//!
//! Version 3.0.3, as the predecessor's.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::failures::responses;
use super::operations::{CREDENTIALS, Operation, TELECONSULTATIONS, idempotency_key, operation, room_id, session_id};
use crate::api::routes::Route;
use crate::api::state::AppSettings;
use crate::http::error::{ProblemBody, SentenceBody, StandardBody};

/// The description of everything that this server serves.
///
/// `told` says whether callers tell groups and names of people.
pub(super) fn document(settings: &AppSettings, with_metrics: bool, told: bool) -> Value {
    let mut schemas = SchemaSettings::openapi3().for_serialize().into_generator();
    schemas.subschema_for::<SentenceBody<'_>>();
    schemas.subschema_for::<StandardBody<'_>>();
    schemas.subschema_for::<ProblemBody<'_>>();
    let mut paths = Map::new();
    for route in Route::ALL.iter().copied().filter(|route| with_metrics || *route != Route::Metrics) {
        let Some(operation) = operation(route, &mut schemas) else { continue };
        let path = route.template_under(&settings.prefix);
        let path = path.replace(":roomId", "{roomId}").replace(":sessionId", "{sessionId}");
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[route.method().as_str().to_ascii_lowercase()] = described(route, operation, settings);
    }
    let mut schemas = schemas.take_definitions(true);
    if !told && let Some(person) = schemas.get_mut("NewParticipant") {
        person["required"] = json!(["userId"]);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "description": env!("CARGO_PKG_DESCRIPTION"),
            "version": env!("CARGO_PKG_VERSION"),
        },
        // The page takes it off its own address to find the API behind a gateway.
        "x-service-prefix": settings.prefix,
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn described(route: Route, operation: Operation, settings: &AppSettings) -> Value {
    let mut parameters = Vec::new();
    if route.template().contains(":roomId") {
        parameters.push(room_id());
    }
    if route.template().contains(":sessionId") {
        parameters.push(session_id());
    }
    parameters.extend(caller(route, &operation, settings));
    parameters.extend(operation.query);
    parameters.extend(route.takes_key().then(idempotency_key));
    let mut answers = Map::new();
    let mut success = json!({"description": operation.success.description});
    if let Some((media_type, schema, example)) = operation.success.content {
        success["content"] = json!({media_type: {"schema": schema, "example": example}});
    }
    if !operation.success.links.is_empty() {
        let link = |id: &&str| {
            ((*id).to_owned(), json!({"operationId": id, "parameters": {"roomId": "$response.body#/roomId"}}))
        };
        success["links"] = operation.success.links.iter().map(link).collect::<Map<_, _>>().into();
    }
    answers.insert(operation.success.status.as_str().to_owned(), success);
    if route == Route::DeleteUploads {
        answers.insert("204".to_owned(), json!({"description": "Nothing was done: the switch is off."}));
    }
    answers.extend(responses(operation.failures));
    if settings.forwarding.enabled && [TELECONSULTATIONS, CREDENTIALS].contains(&operation.tag) {
        let description = "A platform service refuses. Its status and sentence are passed on.";
        let schema = json!({"$ref": "#/components/schemas/Failure"});
        answers.insert(
            "4XX".to_owned(),
            json!({"description": description, "content": {"application/json": {"schema": schema}}}),
        );
    }
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        "responses": answers,
    });
    if let Some(body) = operation.body {
        described["requestBody"] = json!({
            "description": body.limit,
            "required": body.required,
            "content": {body.media_type: {"schema": body.schema, "example": body.example}},
        });
    }
    described
}

/// The header that tells who calls. Where the configuration file says otherwise, nobody but the operator knows.
fn caller(route: Route, operation: &Operation, settings: &AppSettings) -> Option<Value> {
    if !operation.known_caller
        || (matches!(route, Route::View | Route::Transcription) && settings.identity.user_id_path.is_some())
    {
        return None;
    }
    Some(json!({
        "name": settings.identity.user_id_header.as_str(),
        "in": "header",
        "required": true,
        "description": "Who calls. The platform's gateway sets it.",
        "schema": {"type": "string", "minLength": 1},
        "example": "dr.rossi",
    }))
}
