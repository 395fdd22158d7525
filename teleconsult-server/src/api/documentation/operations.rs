//! What each route takes and gives.

use http::{Method, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::super::credentials::Issued;
use super::super::idempotency::MAX_CHARS;
use super::super::settings::{Added, Changed};
use super::super::teleconsultations::{Created, View};
use super::super::uploads::Deleted;
use super::failures::{Failure, always, of_bodies, of_forms, of_keys, of_the_rules, of_the_store, of_the_vendor};
use super::requests::{
    BackgroundForm, CredentialRequest, ID, NewParticipant, NewTeleconsultation, SettingsChange, TeleconsultationChange,
};
use crate::api::routes::Route;
use crate::domain::ids::MAX_ID_CHARS;
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::telemetry::registry::CONTENT_TYPE;

fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

/// The description of one route.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Whether the caller must be known.
    pub(super) known_caller: bool,
    pub(super) query: Vec<Value>,
    pub(super) body: Option<Body>,
    pub(super) success: Success,
    pub(super) failures: Vec<Failure>,
}

/// What is sent.
pub(super) struct Body {
    pub(super) media_type: &'static str,
    /// The size limit in words.
    pub(super) limit: &'static str,
    pub(super) required: bool,
    pub(super) schema: Value,
    pub(super) example: Value,
}

/// What is answered when all is well.
pub(super) struct Success {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    /// Media type, schema and example.
    pub(super) content: Option<(&'static str, Value, Value)>,
    /// Operations for which the answer names the teleconsultation.
    pub(super) links: &'static [&'static str],
}

const JSON: &str = "application/json";
const JSON_LIMIT: &str = "At most 256 KiB.";
const SETTINGS: &str = "Settings";
pub(super) const TELECONSULTATIONS: &str = "Teleconsultations";
pub(super) const CREDENTIALS: &str = "Credentials";
const OPERATION: &str = "Operation";

/// The session's id in paths.
pub(super) fn session_id() -> Value {
    json!({
        "name": "sessionId",
        "in": "path",
        "required": true,
        "description": "The id of a call, as the video provider's webhooks tell it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
        "example": "session_a1b2c3d4e5f6",
    })
}

/// The id in paths.
pub(super) fn room_id() -> Value {
    json!({
        "name": "roomId",
        "in": "path",
        "required": true,
        "description": "The id of the teleconsultation, as its creation gave it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS, "pattern": ID},
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
                        body within a day, it gives the same answer and makes nothing twice; after an error, it goes on \
                        from where the first try came to.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CHARS, "pattern": "^[ -~]+$"},
        "example": "7d4f1f0e-2c0e-4f5e-9a51-6f6c2f3f9a10",
    })
}

const EXAMPLE_ID: &str = "65e6f0a1b2c3d4e5f6a7b8c9";

fn doctor() -> Value {
    json!({"userId": "dr.rossi", "groups": ["doctor"], "fullName": "Anna Rossi", "language": "it"})
}

fn patient() -> Value {
    json!({"userId": "patient-42", "groups": ["patient"], "fullName": "Marco Bianchi"})
}

/// The description of a route; none of those that programs and people need no description of.
pub(super) fn operation(route: Route, schemas: &mut SchemaGenerator) -> Option<Operation> {
    match route {
        Route::Healthz | Route::Ready | Route::CheckUp => None,
        Route::DescriptionJson
        | Route::DescriptionYaml
        | Route::Documentation
        | Route::DocumentationStyle
        | Route::DocumentationScript
        | Route::DocumentationWithoutSlash
        | Route::DocumentationOfOld => None,
        Route::Metrics => Some(show_metrics()),
        Route::Create => Some(create(schemas)),
        Route::View => Some(view(schemas)),
        Route::Change => Some(change(schemas)),
        Route::Delete => Some(delete()),
        Route::AddParticipant => Some(add_participant(schemas)),
        Route::DeleteUploads => Some(delete_uploads(schemas)),
        Route::IssueCredential => Some(issue_credential(schemas)),
        Route::AddBackground => Some(add_background(schemas)),
        Route::ChangeSettings => Some(change_settings(schemas)),
        Route::Transcription => Some(transcription()),
    }
}

fn show_metrics() -> Operation {
    Operation {
        id: "showMetrics",
        tag: OPERATION,
        summary: "Metrics in the text form of Prometheus",
        description: "Served when `EXPOSE_METRICS` is `true`, the default.",
        known_caller: false,
        query: Vec::new(),
        body: None,
        success: Success {
            status: StatusCode::OK,
            description: "The metrics.",
            content: Some((
                CONTENT_TYPE.split_once(';').map_or(CONTENT_TYPE, |(kind, _)| kind),
                json!({"type": "string"}),
                json!("teleconsult_room_open_attempts 0\n"),
            )),
            links: &[],
        },
        failures: always(),
    }
}

fn create(schemas: &mut SchemaGenerator) -> Operation {
    let refusal = |refusal| of_the_rules(refusal, &Method::POST, "/teleconsultation");
    let mut failures = [of_bodies(), of_keys(), always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("Everybody is known, and nobody is a plus user.", refusal(Refusal::NoPlusUser)));
    Operation {
        id: "createTeleconsultation",
        tag: TELECONSULTATIONS,
        summary: "Create a teleconsultation",
        description: "The vendor's room is made at once when everybody is known, else with the change that completes \
                      the list. A refused one is not stored; vendor users made for it stay and are used again.",
        known_caller: false,
        query: Vec::new(),
        body: Some(Body {
            media_type: JSON,
            limit: JSON_LIMIT,
            required: true,
            schema: schema::<NewTeleconsultation>(schemas),
            example: json!({
                "start_date": "2030-03-05T09:00:00.000Z",
                "duration_in_seconds": 1800,
                "participants": {"number": 2, "data": [doctor(), patient()]},
            }),
        }),
        success: Success {
            status: StatusCode::CREATED,
            description: "It is created.",
            content: Some(("application/json", schema::<Created>(schemas), json!({"roomId": EXAMPLE_ID}))),
            links: &["viewTeleconsultation", "changeTeleconsultation", "deleteTeleconsultation", "addParticipant"],
        },
        failures,
    }
}

fn view(schemas: &mut SchemaGenerator) -> Operation {
    let mut failures = [always(), of_the_store()].concat();
    failures.push((
        "A query parameter is not what it must be.",
        ApiError::validation("querystring.useBackground must be boolean"),
    ));
    failures.push(("The caller does not take part, or did not say who it is.", ApiError::unauthorized()));
    failures.push((
        "There is no such teleconsultation.",
        ApiError::sentence(StatusCode::NOT_FOUND, format!("Room with id {EXAMPLE_ID} not found on CRUD")),
    ));
    Operation {
        id: "viewTeleconsultation",
        tag: TELECONSULTATIONS,
        summary: "Show a teleconsultation to one of its participants",
        description: "The personal link is shown from the moment on at which changes are refused: \
                      `IMMUTABLE_PERIOD_MS` before the start, when everybody is known.",
        known_caller: true,
        query: vec![
            json!({
                "name": "useBackground",
                "in": "query",
                "description": "Whether the link shows the company's background picture behind the caller.",
                "schema": {"type": "boolean", "default": false},
            }),
            json!({
                "name": "language",
                "in": "query",
                "description": "The language of the vendor's texts, such as `it` or `en`; else the company's.",
                "schema": {"type": "string", "pattern": "^[a-z]{2}$", "minLength": 2, "maxLength": 2},
                "example": "it",
            }),
        ],
        body: None,
        success: Success {
            status: StatusCode::OK,
            description: "What the caller may see.",
            content: Some(("application/json", schema::<View<'_>>(schemas), view_example())),
            links: &[],
        },
        failures,
    }
}

fn view_example() -> Value {
    json!({
        "bandyerUserId": "tc_mfrggzdfmztwq2lkmfrggzdfmztwq2lk",
        "accessLinkURL": "https://company.example/connect/personal-token?l=it",
        "participantsBandyerCall": [
            {"bandyerUserId": "tc_mfrggzdfmztwq2lkmfrggzdfmztwq2lk", "fullName": "Anna Rossi"},
            {"bandyerUserId": "tc_nbswy3dpo5xxe3denbswy3dpo5xxe3de", "fullName": "Marco Bianchi"},
        ],
        "details": {
            "recording": "none",
            "recordingStatus": "stopped",
            "callType": "audio_video",
            "description": "tc1.a1b2c3d4.0190",
            "status": "NOT_RUNNING",
            "disabled": false,
            "creationDate": "2030-03-01T10:00:00.000Z",
            "durationInSeconds": 0,
            "durationUsedInSeconds": 0,
            "live": true,
        },
    })
}

fn change(schemas: &mut SchemaGenerator) -> Operation {
    let refusal = |refusal| of_the_rules(refusal, &Method::PATCH, &format!("/teleconsultation/{EXAMPLE_ID}"));
    let mut failures = [of_bodies(), always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        (
            "Everybody is known, and nobody is a plus user.",
            of_the_rules(Refusal::NoPlusUser, &Method::PATCH, "/teleconsultation"),
        ),
        ("There is no such teleconsultation.", ApiError::not_found()),
        ("Everybody is known and the immutable period has begun.", refusal(Refusal::Immutable)),
    ]);
    Operation {
        id: "changeTeleconsultation",
        tag: TELECONSULTATIONS,
        summary: "Change a teleconsultation",
        description: "Other people, and where calls have a time limit another duration, make another room: all links \
                      change. The old room goes only when the new one is there.",
        known_caller: false,
        query: Vec::new(),
        body: Some(Body {
            media_type: JSON,
            limit: JSON_LIMIT,
            required: true,
            schema: schema::<TeleconsultationChange>(schemas),
            example: json!({"end_date": "2030-03-05T10:00:00.000Z"}),
        }),
        success: Success { status: StatusCode::NO_CONTENT, description: "It is changed.", content: None, links: &[] },
        failures,
    }
}

fn delete() -> Operation {
    let mut failures = [always(), of_the_store()].concat();
    failures.push(("There is no such teleconsultation, or no longer.", ApiError::not_found()));
    Operation {
        id: "deleteTeleconsultation",
        tag: TELECONSULTATIONS,
        summary: "Call a teleconsultation off",
        description: "It can no longer be seen, and its links stop working soon after.",
        known_caller: false,
        query: Vec::new(),
        body: None,
        success: Success { status: StatusCode::NO_CONTENT, description: "It is gone.", content: None, links: &[] },
        failures,
    }
}

fn add_participant(schemas: &mut SchemaGenerator) -> Operation {
    let path = format!("/teleconsultation/{EXAMPLE_ID}/participants/data");
    let refusal = |refusal| of_the_rules(refusal, &Method::POST, &path);
    let mut failures = [of_bodies(), of_keys(), always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("The last one is missing, and nobody is a plus user.", refusal(Refusal::NoPlusUser)),
        ("There is no such teleconsultation.", ApiError::not_found()),
        ("Everybody is known already.", refusal(Refusal::AlreadyComplete)),
    ]);
    Operation {
        id: "addParticipant",
        tag: TELECONSULTATIONS,
        summary: "Add a participant",
        description: "With the last one the vendor's room is made.",
        known_caller: false,
        query: Vec::new(),
        body: Some(Body {
            media_type: JSON,
            limit: JSON_LIMIT,
            required: true,
            schema: schema::<NewParticipant>(schemas),
            example: patient(),
        }),
        success: Success {
            status: StatusCode::CREATED,
            description: "The person takes part.",
            content: None,
            links: &[],
        },
        failures,
    }
}

fn issue_credential(schemas: &mut SchemaGenerator) -> Operation {
    let mut failures = [of_bodies(), always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("The caller is not known.", ApiError::unauthorized()));
    Operation {
        id: "issueCredential",
        tag: CREDENTIALS,
        summary: "Issue a credential for the vendor's mobile SDK",
        description: "For the caller, who must have been named in a teleconsultation before, or be known to the auth \
                      service of deployments that have one.",
        known_caller: true,
        query: Vec::new(),
        body: Some(Body {
            media_type: JSON,
            limit: JSON_LIMIT,
            required: false,
            schema: schema::<CredentialRequest>(schemas),
            example: json!({"expiresIn": 3600}),
        }),
        success: Success {
            status: StatusCode::CREATED,
            description: "The credential.",
            content: Some((
                "application/json",
                schema::<Issued<'_>>(schemas),
                json!({
                    "accessToken": "header.payload.signature",
                    "expiresAt": "2030-03-05T10:00:00.000Z",
                    "bandyerUserId": "tc_mfrggzdfmztwq2lkmfrggzdfmztwq2lk",
                }),
            )),
            links: &[],
        },
        failures,
    }
}

fn delete_uploads(schemas: &mut SchemaGenerator) -> Operation {
    let mut failures = [always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("There is no such teleconsultation.", ApiError::not_found()));
    Operation {
        id: "deleteUploads",
        tag: TELECONSULTATIONS,
        summary: "Delete the files that were sent in its calls",
        description: "With `TELECONSULTATION_DELETE_UPLOADS` off, the default, nothing is done and the answer is 204. \
                      Files vanish for everybody: front ends call this when a call ends, also by a lost connection.",
        known_caller: false,
        query: Vec::new(),
        body: None,
        success: Success {
            status: StatusCode::OK,
            description: "How many there were, and how many are gone.",
            content: Some((JSON, schema::<Deleted>(schemas), json!({"total": 3, "deleted": 3}))),
            links: &[],
        },
        failures,
    }
}

fn refused_by_the_vendor() -> Failure {
    ("The video provider refused it.", ApiError::validation("the video provider refused it: invalid_background_alias"))
}

fn add_background(schemas: &mut SchemaGenerator) -> Operation {
    let mut failures = [of_forms(), always(), of_the_vendor()].concat();
    failures.push(refused_by_the_vendor());
    failures.push(("The caller did not say who it is.", ApiError::unauthorized()));
    Operation {
        id: "addBackground",
        tag: SETTINGS,
        summary: "Add a background picture to the company",
        description: "The video provider wants a JPEG of at least 1280 × 1280 points, and keeps ten. It is used only \
                      when it is chosen.",
        known_caller: true,
        query: Vec::new(),
        body: Some(Body {
            media_type: "multipart/form-data",
            limit: "At most 10 MB.",
            required: true,
            schema: schema::<BackgroundForm>(schemas),
            example: json!({"virtual_background": "the bytes of a JPEG picture"}),
        }),
        success: Success {
            status: StatusCode::OK,
            description: "It is added.",
            content: Some((
                JSON,
                schema::<Added>(schemas),
                json!({"virtual_background": {
                    "background_alias": "0123456789abcdef0123456789abcdef",
                    "url": "https://static.example/background.jpg",
                    "creation_date": "2030-03-01T10:00:00.000Z",
                }}),
            )),
            links: &[],
        },
        failures,
    }
}

fn change_settings(schemas: &mut SchemaGenerator) -> Operation {
    let mut failures = [of_bodies(), always(), of_the_vendor()].concat();
    failures.push(refused_by_the_vendor());
    failures.push(("The caller did not say who it is.", ApiError::unauthorized()));
    Operation {
        id: "changeSettings",
        tag: SETTINGS,
        summary: "Choose the background picture that calls use",
        description: "It holds for the whole company.",
        known_caller: true,
        query: Vec::new(),
        body: Some(Body {
            media_type: JSON,
            limit: JSON_LIMIT,
            required: true,
            schema: schema::<SettingsChange>(schemas),
            example: json!({"background_alias": "0123456789abcdef0123456789abcdef"}),
        }),
        success: Success {
            status: StatusCode::OK,
            description: "It is chosen.",
            content: Some((
                JSON,
                schema::<Changed>(schemas),
                json!({"company": {
                    "name": "Clinic",
                    "default_language": "it",
                    "default_background": {
                        "alias": "0123456789abcdef0123456789abcdef",
                        "url": "https://static.example/background.jpg",
                        "creation_date": "2030-03-01T10:00:00.000Z",
                    },
                    "end_call_redirect_url": null,
                    "user_details_provider_url": null,
                    "end_call_redirect_timeout_ms": 0,
                }}),
            )),
            links: &[],
        },
        failures,
    }
}

fn transcription() -> Operation {
    let mut failures = [always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("The caller does not take part, or did not say who it is.", ApiError::unauthorized()),
        (
            "There is no such teleconsultation, or no transcription.",
            ApiError::sentence(StatusCode::NOT_FOUND, "There is no transcription of this session"),
        ),
        (
            "The file is larger than `TRANSCRIPTION_MAX_FILE_SIZE`.",
            ApiError::sentence(StatusCode::BAD_GATEWAY, "The transcription is larger than 52428800 bytes"),
        ),
    ]);
    Operation {
        id: "showTranscription",
        tag: TELECONSULTATIONS,
        summary: "What was said in one of its calls",
        description: "For its participants. The file is the video provider's, passed on as it comes; its form is not \
                      documented. Calls must be recorded, and the provider must have switched transcription on for the \
                      company. It is ready some time after the call, at most a day.",
        known_caller: true,
        query: Vec::new(),
        body: None,
        success: Success {
            status: StatusCode::OK,
            description: "The file.",
            content: Some(("*/*", json!({"type": "string", "format": "binary"}), json!("Good morning."))),
            links: &[],
        },
        failures,
    }
}
