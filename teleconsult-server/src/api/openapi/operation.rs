//! The parts of an operation's description.

use http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::failures::Failure;
use crate::api::errors;
use crate::api::idempotency::MAX_CHARS;
use crate::api::routes::{RoomIdParam, Route, Target};
use crate::domain::ids::{MAX_ID_CHARS, TeleconsultationId};
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;

/// The description of one route.
pub(in crate::api) struct Operation {
    pub(in crate::api) id: &'static str,
    pub(in crate::api) tag: Tag,
    pub(in crate::api) summary: &'static str,
    pub(in crate::api) description: &'static str,
    pub(in crate::api) query: Vec<Value>,
    pub(in crate::api) body: Option<BodyDescription>,
    pub(in crate::api) success: Success,
    pub(in crate::api) failures: Vec<Failure>,
}

/// A group of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Tag {
    Teleconsultations,
    Credentials,
    Settings,
    Operation,
}

impl Tag {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Teleconsultations => "Teleconsultations",
            Self::Credentials => "Credentials",
            Self::Settings => "Settings",
            Self::Operation => "Operation",
        }
    }

    /// Whether its operations need the platform's services.
    pub(super) const fn calls_platform(self) -> bool {
        matches!(self, Self::Teleconsultations | Self::Credentials)
    }
}

/// A request body.
pub(in crate::api) struct BodyDescription {
    pub(in crate::api) media_type: &'static str,
    /// The size limit in words.
    pub(in crate::api) limit: &'static str,
    pub(in crate::api) required: bool,
    pub(in crate::api) schema: Value,
    pub(in crate::api) example: Value,
}

/// A success.
pub(in crate::api) struct Success {
    pub(in crate::api) status: StatusCode,
    pub(in crate::api) description: &'static str,
    /// Media type, schema and example.
    pub(in crate::api) content: Option<(&'static str, Value, Value)>,
    /// Operations that take the `roomId` of the response.
    pub(in crate::api) links: &'static [&'static str],
    /// Another success, without content.
    pub(in crate::api) alternative: Option<(StatusCode, &'static str)>,
}

impl Success {
    /// A success without content.
    pub(in crate::api) const fn empty(status: StatusCode, description: &'static str) -> Self {
        Self { status, description, content: None, links: &[], alternative: None }
    }

    /// A success with a JSON body.
    pub(in crate::api) fn json(status: StatusCode, description: &'static str, schema: Value, example: Value) -> Self {
        Self { content: Some((JSON, schema, example)), ..Self::empty(status, description) }
    }
}

const JSON: &str = "application/json";

impl BodyDescription {
    /// A JSON body that is required.
    pub(in crate::api) const fn json(schema: Value, example: Value) -> Self {
        Self { media_type: JSON, limit: "At most 256 KiB.", required: true, schema, example }
    }
}

/// What an operation is described with.
pub(in crate::api) struct Context {
    route: &'static Route,
    schemas: SchemaGenerator,
}

impl Context {
    pub(super) const fn new(route: &'static Route, schemas: SchemaGenerator) -> Self {
        Self { route, schemas }
    }

    pub(super) fn into_schemas(self) -> SchemaGenerator {
        self.schemas
    }

    /// The schema of a type.
    pub(in crate::api) fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }

    /// A refusal of the rules, in the words of this operation.
    pub(in crate::api) fn refusal(&self, refusal: Refusal) -> ApiError {
        let room_id = TeleconsultationId::parse(EXAMPLE_ID).map(RoomIdParam::Valid);
        errors::refused(refusal, &Target { route: self.route, room_id, session_id: None })
    }
}

/// The session's id in paths.
pub(super) fn session_id() -> Value {
    json!({
        "name": "sessionId",
        "in": "path",
        "required": true,
        "description": "The id of a call, as the video provider's webhooks name it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
        "example": "session_a1b2c3d4e5f6",
    })
}

/// The teleconsultation's id in paths.
pub(super) fn room_id() -> Value {
    json!({
        "name": "roomId",
        "in": "path",
        "required": true,
        "description": "The id of the teleconsultation, as its creation returned it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS, "pattern": ID_PATTERN},
        "example": EXAMPLE_ID,
    })
}

/// The key under which a creation may be repeated.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "idempotency-key",
        "in": "header",
        "required": false,
        "description": "A text that the caller makes up for this one creation, such as a UUID. Sent again with the same \
                        body within a day, it gets the same response and creates nothing twice; after an error, it \
                        continues where the first attempt stopped.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CHARS, "pattern": "^[ -~]+$"},
        "example": "7d4f1f0e-2c0e-4f5e-9a51-6f6c2f3f9a10",
    })
}

/// The alphabet of [`crate::domain::ids`].
pub(in crate::api) const ID_PATTERN: &str = r"^[A-Za-z0-9._~!$&'()*+,;=:@|-]+$";

/// The id of a teleconsultation, in examples.
pub(in crate::api) const EXAMPLE_ID: &str = "65e6f0a1b2c3d4e5f6a7b8c9";

/// A doctor, in examples.
pub(in crate::api) fn doctor() -> Value {
    json!({"userId": "dr.rossi", "groups": ["doctor"], "fullName": "Anna Rossi", "language": "it"})
}

/// A patient, in examples.
pub(in crate::api) fn patient() -> Value {
    json!({"userId": "patient-42", "groups": ["patient"], "fullName": "Marco Bianchi"})
}
