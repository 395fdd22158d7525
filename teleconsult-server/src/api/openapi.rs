//! Puts the OpenAPI document together: the table of routes, the types that handlers read and write, and the errors that
//! they return.
//!
//! Version 3.0.3, as the predecessor's.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::routes::{CallerPolicy, Documentation, Idempotency, ROUTES, Route};
use super::state::{ApiSettings, ApiState};
use crate::http::error::{ProblemBody, SentenceBody, StandardBody};

pub(super) mod failures;
pub(super) mod operation;

use failures::responses;
use operation::{Context, Operation, idempotency_key, room_id, session_id};

/// The description of everything that this server serves.
pub(super) fn document(api: &ApiState) -> Value {
    let settings = &api.settings;
    let mut schemas = SchemaSettings::openapi3().for_serialize().into_generator();
    schemas.subschema_for::<SentenceBody<'_>>();
    schemas.subschema_for::<StandardBody<'_>>();
    schemas.subschema_for::<ProblemBody<'_>>();
    let mut paths = Map::new();
    for route in ROUTES {
        let describe = match route.documentation {
            Documentation::Shown(describe) => describe,
            Documentation::ShownIf(is_served, describe) if is_served(api) => describe,
            Documentation::ShownIf(..) | Documentation::Hidden => continue,
        };
        let mut context = Context::new(route, schemas);
        let operation = describe(&mut context);
        schemas = context.into_schemas();
        let path = route.template_under(&settings.prefix);
        let path = path.replace(":roomId", "{roomId}").replace(":sessionId", "{sessionId}");
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = rendered(route, operation, settings);
    }
    let mut schemas = schemas.take_definitions(true);
    if !api.parts.profiles.is_caller()
        && let Some(person) = schemas.get_mut("NewParticipant")
    {
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

fn rendered(route: &Route, operation: Operation, settings: &ApiSettings) -> Value {
    let mut parameters = Vec::new();
    if route.template().contains(":roomId") {
        parameters.push(room_id());
    }
    if route.template().contains(":sessionId") {
        parameters.push(session_id());
    }
    parameters.extend(caller(route, settings));
    parameters.extend(operation.query);
    parameters.extend((route.idempotency == Idempotency::Key).then(idempotency_key));
    let mut all_responses = Map::new();
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
    all_responses.insert(operation.success.status.as_str().to_owned(), success);
    if let Some((status, description)) = operation.success.alternative {
        all_responses.insert(status.as_str().to_owned(), json!({"description": description}));
    }
    all_responses.extend(responses(operation.failures));
    if settings.forwarding.enabled && operation.tag.calls_platform() {
        let description = "A platform service refuses. Its status and sentence are passed on.";
        let schema = json!({"$ref": "#/components/schemas/Failure"});
        all_responses.insert(
            "4XX".to_owned(),
            json!({"description": description, "content": {"application/json": {"schema": schema}}}),
        );
    }
    let mut rendered = json!({
        "operationId": operation.id,
        "tags": [operation.tag.name()],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        "responses": all_responses,
    });
    if let Some(body) = operation.body {
        rendered["requestBody"] = json!({
            "description": body.limit,
            "required": body.required,
            "content": {body.media_type: {"schema": body.schema, "example": body.example}},
        });
    }
    rendered
}

/// The header that names the caller. Where the configuration file says otherwise, only the operator knows.
fn caller(route: &Route, settings: &ApiSettings) -> Option<Value> {
    let is_in_header = match route.caller {
        CallerPolicy::Anyone => false,
        CallerPolicy::User | CallerPolicy::KnownUser => true,
        CallerPolicy::Participant => settings.identity.user_id_path.is_none(),
    };
    is_in_header.then(|| {
        json!({
            "name": settings.identity.user_id_header.as_str(),
            "in": "header",
            "required": true,
            "description": "The caller's id. The platform's gateway sets it.",
            "schema": {"type": "string", "minLength": 1},
            "example": "dr.rossi",
        })
    })
}
