//! Writes a description from the table of operations and from what was sent and answered.

use std::collections::{BTreeMap, BTreeSet};

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;
use serde_json::{Map, Value, json};

use super::shape::{Components, Shape};
use super::{Exchange, operations};

/// The component that the whole response of an operation is.
fn whole_response(operation: Operation, version: ApiVersion) -> Option<&'static str> {
    use Operation as O;
    let is_v2 = version == ApiVersion::V2;
    Some(match operation {
        O::CreateUser | O::GetUser | O::UpdateUser if is_v2 => "User",
        O::CreateRoom | O::GetRoom if is_v2 => "Room",
        O::AddParticipant | O::GetParticipant | O::UpdateParticipant => "Participant",
        O::GetSession if is_v2 => "Session",
        // Its id has another name than in lists.
        O::GetSession => "SingleSession",
        O::GetUpload => "SingleUpload",
        O::CreateChannel | O::GetChannel => "Channel",
        O::SendChannelMessage => "Message",
        O::SendChatMessage => "SentMessage",
        O::CreateWebhook | O::GetWebhook | O::UpdateWebhook => "Webhook",
        O::GetEnvelope => "Envelope",
        O::CreateSignatureTemplate | O::GetSignatureTemplate | O::UpdateSignatureTemplate => "SignatureTemplate",
        O::GetCompany | O::UpdateCompany if is_v2 => "Company",
        O::GetTheme | O::UpdateTheme if is_v2 => "Theme",
        O::CreateEncryptionKey | O::GetEncryptionKey => "EncryptionKey",
        O::GetRecordingSettings | O::UpdateRecordingSettings => "RecordingSettings",
        O::IssueCredential => "AccessCredential",
        O::GetRecordingLink | O::GetBroadcastRecordingLink | O::GetBroadcastLink => "Link",
        _ => return None,
    })
}

/// The component of objects under a field of a response.
fn response_component(field: &str, is_list: bool) -> Option<&'static str> {
    Some(match (field, is_list) {
        ("users", true) | ("user", false) => "User",
        ("rooms", true) | ("room", false) => "Room",
        ("room_list", true) => "RoomOfUser",
        ("participants", true) => "Participant",
        ("user_urls", true) => "AccessLink",
        ("tools", false) => "Tools",
        ("whiteboard", false) => "Whiteboard",
        ("sessions", true) => "Session",
        ("connection_events", true) => "ConnectionEvent",
        ("uploads", true) => "Upload",
        ("tags" | "added_tags", true) => "Tag",
        ("messages", true) | ("last_message", false) => "Message",
        ("channels", true) => "Channel",
        ("chat_list", true) => "Chat",
        ("broadcasts", true) => "Broadcast",
        ("broadcast_list", true) => "BroadcastOfUser",
        ("keys", true) => "EncryptionKey",
        ("webhooks", true) => "Webhook",
        ("envelopes", true) => "Envelope",
        ("templates", true) => "SignatureTemplate",
        ("activities", true) => "Activity",
        ("company", false) => "Company",
        ("theme", false) => "Theme",
        ("light" | "dark", false) => "Palette",
        ("logos", false) => "Logos",
        ("backgrounds", true) | ("virtual_background" | "default_background", false) => "Background",
        _ => return None,
    })
}

/// The component of objects under a field of a request.
fn request_component(field: &str, is_list: bool) -> Option<&'static str> {
    Some(match (field, is_list) {
        ("participants", true) => "NewParticipant",
        ("tools", false) => "NewTools",
        ("whiteboard", false) => "NewWhiteboard",
        ("light" | "dark", false) => "Palette",
        _ => return None,
    })
}

fn describe(field: &str) -> Option<&'static str> {
    Some(match field {
        "access_token" => "A signed token for the vendor's mobile and web SDKs.",
        "active" => "Whether the user may enter rooms. An inactive user needs no licence.",
        "allow_camera" | "can_video" => "Whether the user may use a camera.",
        "call_type" => "`audio_only`, `audio_upgradable` or `audio_video`.",
        "count" => "The number of items.",
        "description" => "A text of the caller's choice.",
        "disabled" => "Whether the room is permanently closed.",
        "duration" => "In seconds. For a room, the longest call time; zero means that there is no limit.",
        "duration_used" | "durationUsed" => "The call time used so far, in seconds.",
        "expires_in" => "The lifetime of the token in seconds, from 360 to 86400.",
        "has_more" => "Whether there are more items after this page.",
        "is_admin" => "Whether the participant may admit, mute and remove others.",
        "language" => "The language of the user interface, such as `en`.",
        "limit" => "The largest number of items on the page.",
        "live" => "Whether the devices of the others ring when a participant opens the link.",
        "offset" | "skip" => "The number of items before this page.",
        "offline_transcription" => "Whether recordings of the room are transcribed.",
        "record" | "recording" => "Whether or how calls are recorded.",
        "recording_type" => "`automatic`, `manual` or `none`.",
        "retention_days" => "The number of days until a recording is deleted.",
        "role" => "`plus` or `basic`. A room needs a plus user.",
        "status" => "The state.",
        "tools" => "What the participant may use. If it is left out, everything is allowed.",
        "url" => "An address. For a participant it is the personal access link, which must be kept secret.",
        "user_urls" => "The personal access links, which must be kept secret.",
        _ => return None,
    })
}

/// `createUser` for `create user`.
fn camel_case(name: &str) -> String {
    let mut words = name.split(' ');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |id, word| id + &word[..1].to_uppercase() + &word[1..])
}

fn pascal_case(name: &str) -> String {
    let id = camel_case(name);
    id[..1].to_uppercase() + &id[1..]
}

/// The resource of an operation, by which the description is grouped.
fn tag(path: &str) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "user" | "users" => "Users",
        "room" | "rooms" => "Rooms",
        "company" | "recording" | "key" => "Company",
        "session" | "sessions" => "Sessions",
        "upload" | "uploads" => "Uploads",
        "tag" | "tags" => "Tags",
        "chat" | "channels" => "Chats",
        "broadcast" => "Broadcasts",
        "token" | "call" => "Access links",
        "activity" => "Activity",
        "{version}" | "webhooks" => "Webhooks",
        "sdk" => "Credentials",
        _ => "Signatures",
    }
    .to_owned()
}

fn parameters(path: &str, query: &BTreeSet<&str>) -> Vec<Value> {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let is_number = |name: &str| {
        ["limit", "offset", "skip", "page_size", "page_number", "expire_time", "filter[limit]", "filter[skip]"]
            .contains(&name)
    };
    let in_query = query.iter().map(|name| {
        let kind = if is_number(name) { "integer" } else { "string" };
        json!({"name": name, "in": "query", "schema": {"type": kind}})
    });
    in_path.chain(in_query).collect()
}

fn form(exchanges: &[&Exchange]) -> Value {
    let mut properties = Map::new();
    for exchange in exchanges {
        for (name, field) in exchange.body.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let kind = field["content_type"].as_str().unwrap_or_default();
            let is_text = kind.starts_with("text/plain");
            let before_is_file = properties.get(name).is_some_and(|one: &Value| one.get("contentMediaType").is_some());
            let schema = match (is_text, before_is_file) {
                (true, false) => json!({"type": "string"}),
                _ => json!({"type": "string", "contentMediaType": "application/octet-stream"}),
            };
            properties.insert(name.clone(), schema);
        }
    }
    json!({"type": "object", "properties": properties})
}

/// The whole description as YAML.
pub fn document(version: ApiVersion, exchanges: &[Exchange]) -> String {
    let (mut requests, mut components) = (Components::new(), Components::new());
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut own_requests: BTreeMap<String, Shape> = BTreeMap::new();
    for operation in operations(version) {
        let (method, path) = operation.method_and_path(version).unwrap().split_once(' ').unwrap();
        let of_operation: Vec<&Exchange> = exchanges.iter().filter(|one| one.operation == operation).collect();
        let mut query: BTreeSet<&str> =
            of_operation.iter().flat_map(|one| one.query.iter().map(String::as_str)).collect();
        let responses = || of_operation.iter().filter_map(|one| one.response.as_ref());
        // A list that says where its page begins can be asked for another one.
        if let Some(offset) = ["offset", "skip"].into_iter().find(|name| responses().any(|one| one.get(name).is_some()))
        {
            query.extend([offset, "limit"]);
        }
        let mut described = json!({
            "operationId": camel_case(operation.name()),
            "summary": operation.name()[..1].to_uppercase() + &operation.name()[1..],
            "tags": [tag(path)],
        });
        let parameters = parameters(path, &query);
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        if operation.is_inferred(version) {
            described["x-inferred"] = true.into();
        }
        if operation == Operation::GetBroadcastLink {
            described["summary"] = "Get broadcast link; without `broadcast_id`, start a Fast Call (deprecated)".into();
        }
        let bodies: Vec<&Value> =
            of_operation.iter().filter(|one| !one.is_form).filter_map(|one| one.body.as_ref()).collect();
        if !bodies.is_empty() {
            let mut shape = Shape::default();
            for body in bodies {
                shape.observe(body, None, &mut requests, request_component);
            }
            let name = pascal_case(operation.name()) + "Request";
            own_requests.insert(name.clone(), shape);
            let schema = json!({"$ref": format!("#/components/schemas/{name}")});
            described["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
        } else if of_operation.iter().any(|one| one.is_form) {
            let schema = form(&of_operation);
            described["requestBody"] =
                json!({"required": true, "content": {"multipart/form-data": {"schema": schema}}});
        }
        let mut by_status: BTreeMap<u16, (Shape, bool)> = BTreeMap::new();
        for one in of_operation.iter().filter(|one| one.status > 0) {
            let (shape, is_json) = by_status.entry(one.status).or_default();
            if let Some(response) = &one.response {
                *is_json = true;
                shape.observe(response, whole_response(operation, version), &mut components, response_component);
            }
        }
        let mut responses = Map::new();
        for (status, (shape, is_json)) in by_status {
            let content = if is_json {
                json!({"application/json": {"schema": shape.schema(describe)}})
            } else {
                json!({"application/octet-stream": {}})
            };
            responses.insert(status.to_string(), json!({"description": "Success", "content": content}));
        }
        responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Error"}));
        described["responses"] = responses.into();
        paths.entry(path.to_owned()).or_default().insert(method.to_lowercase(), described);
    }
    let mut schemas: Map<String, Value> = Map::new();
    for (name, shape) in requests.iter().chain(&own_requests).chain(&components) {
        schemas.insert(name.clone(), shape.schema(describe));
    }
    schemas.insert("Error".to_owned(), error());
    let response = json!({"description": "The request failed.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
    let components = json!({
        "responses": {"Error": response},
        "schemas": schemas,
        "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "apikey"}},
    });
    let prefix = if version == ApiVersion::V1 { "rest" } else { "v2" };
    let server = |host: &str, text: &str| json!({"url": format!("https://{host}/{prefix}"), "description": text});
    let sections = [
        json!({"openapi": "3.1.0"}),
        json!({"info": {
            "title": format!("Bandyer / Kaleyra Video REST API, {version}"),
            "version": version.to_string(),
            "description": "Unofficial. Operations with `x-inferred` are not documented by the vendor: their paths are concluded \
                from other sources. Only fields without which an object is of no use are required.",
        }}),
        json!({"servers": [
            server("api.sandbox.eu.bandyer.com", "Sandbox"),
            server("api.eu.bandyer.com", "Production, Europe"),
            server("api.in.bandyer.com", "Production, India"),
            server("api.us.bandyer.com", "Production, United States"),
            server("api.me.bandyer.com", "Production, Middle East"),
        ]}),
        json!({"security": [{"apiKey": []}]}),
        json!({"paths": paths}),
        json!({"components": components}),
    ];
    sections.iter().map(|section| serde_saphyr::to_string(section).unwrap()).collect()
}

/// The vendor documents tables of errors and not the body; one of its clients reads `status` and `code`.
fn error() -> Value {
    json!({
        "type": "object",
        "x-inferred": true,
        "properties": {
            "status": {"type": "integer", "description": "The status of the response."},
            "name": {"type": "string", "description": "The class of the cause, such as `validation_error`."},
            "code": {"type": "string", "description": "The exact cause, such as `user_id_already_exists`."},
            "message": {"type": "string", "description": "A text for people."},
        },
        "required": ["status", "code"],
    })
}
