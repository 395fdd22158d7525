//! The control routes under `/_emulator/`, for programs in other languages and for `curl`.

use http::{Method, Response, StatusCode};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::faults::{Action, Fault, NamedAction, Parameters};
use super::refusal::Refusal;
use super::server::{EmulatedBody, Shared, is_read_only, json as json_response};
use super::state::{EmulatedParticipant, EmulatedRoom, SimulationError};
use crate::operations::Operation;
use crate::sessions::ConnectionChange;
use crate::types::ids::UserId;
use crate::uploads::UploadKind;
use crate::users::Role;

pub(super) fn handle(shared: &Shared, method: &Method, segments: &[String], body: &[u8]) -> Response<EmulatedBody> {
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let result = match (method, path.as_slice()) {
        (method, ["" | "state"] | []) if is_read_only(method) => Ok(state(shared)),
        (method, ["calls"]) if is_read_only(method) => Ok(json!({"calls": shared.calls.all()})),
        (&Method::POST, ["faults"]) => add_fault(shared, body),
        (&Method::DELETE, ["faults"]) => {
            shared.faults.clear();
            Ok(json!({}))
        }
        (&Method::POST, ["plant"]) => plant(shared, body),
        (method, ["deliveries"]) if is_read_only(method) => Ok(json!({"deliveries": shared.deliveries.all()})),
        (&Method::POST, ["join"]) => simulate(body, |one| shared.state().join(&one.room_id, &one.user_id)),
        (&Method::POST, ["leave"]) => {
            simulate(body, |one| shared.state().leave(&one.room_id, &one.user_id, ConnectionChange::Disconnected))
        }
        (&Method::POST, ["crash"]) => {
            simulate(body, |one| shared.state().leave(&one.room_id, &one.user_id, ConnectionChange::Crashed))
        }
        (&Method::POST, ["upload"]) => upload(shared, body),
        (&Method::POST, ["advance"]) => advance(shared, body),
        (&Method::POST, ["reset"]) => {
            shared.reset();
            Ok(json!({}))
        }
        _ => Err(Refusal::not_found("not_found", "The control route does not exist")),
    };
    match result {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(refusal) => refusal.into(),
    }
}

fn state(shared: &Shared) -> Value {
    let state = shared.state();
    let rooms: Vec<Value> = state.rooms().iter().map(room).collect();
    json!({"users": state.users(), "rooms": rooms})
}

fn room(room: &EmulatedRoom) -> Value {
    let participant = |one: &EmulatedParticipant| json!({"user_id": one.user_id, "is_admin": one.is_admin, "link": one.link.expose()});
    json!({
        "id": room.id,
        "description": room.description,
        "participants": room.participants.iter().map(participant).collect::<Vec<_>>(),
        "call_type": room.call_type,
        "recording": room.recording,
        "duration": room.duration,
        "live": room.live,
        "created_at": format!("{:.3}", room.created_at),
        "disabled": room.disabled,
        "deleted": room.deleted,
        "planted": room.planted,
        "status": room.status(),
        "connected": room.connected,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultBody {
    /// All operations if absent.
    operation: Option<Operation>,
    #[serde(default = "one")]
    nth: u32,
    #[serde(default, deserialize_with = "times")]
    times: Times,
    action: String,
    retry_after: Option<String>,
    #[serde(default)]
    after_effect: bool,
    status: Option<u16>,
    pause_ms: Option<u64>,
    bytes: Option<u64>,
    location: Option<String>,
}

#[derive(Clone, Copy)]
struct Times(Option<u32>);

impl Default for Times {
    fn default() -> Self {
        Self(Some(1))
    }
}

const fn one() -> u32 {
    1
}

/// A number, or `"always"`.
fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Times, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number or \"always\"")]
    enum Written {
        Number(u32),
        Word(Always),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Always {
        Always,
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Number(times) => Times(Some(times)),
        Written::Word(Always::Always) => Times(None),
    })
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Refusal::request("invalid_control_body", format!("at `{}`: {}", error.path(), error.inner())))
}

fn add_fault(shared: &Shared, body: &[u8]) -> Result<Value, Refusal> {
    let body: FaultBody = read(body)?;
    let refusal = |text: String| Refusal::request("invalid_control_body", text);
    let action = Action::ALL.iter().find(|action| action.name == body.action).ok_or_else(|| {
        let shown = |action: &NamedAction| match action.parameters {
            [] => action.name.to_owned(),
            parameters => format!("{} (with {})", action.name, parameters.join(" and ")),
        };
        let all: Vec<String> = Action::ALL.iter().map(shown).collect();
        refusal(format!("at `action`: it must be one of {}", all.join(", ")))
    })?;
    let incomplete =
        || refusal(format!("the action {} needs a valid {}", action.name, action.parameters.join(" and ")));
    let FaultBody { status, pause_ms, bytes, ref location, .. } = body;
    let given = Parameters { status, pause_ms, bytes, location: location.clone() };
    let action = (action.read)(&given).ok_or_else(incomplete)?;
    let fault = body.operation.map_or_else(Fault::on_any, Fault::on).nth(body.nth).action(action);
    let fault = match body.times.0 {
        Some(times) => fault.times(times),
        None => fault.always(),
    };
    let fault = if body.after_effect { fault.after_effect() } else { fault };
    shared.faults.add(match body.retry_after {
        Some(text) => fault.retry_after(text),
        None => fault,
    });
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParticipantBody {
    room_id: String,
    user_id: String,
}

fn simulate(body: &[u8], run: impl FnOnce(&ParticipantBody) -> Result<(), SimulationError>) -> Result<Value, Refusal> {
    run(&read(body)?).map_err(simulation_refusal)?;
    Ok(json!({}))
}

fn simulation_refusal(error: SimulationError) -> Refusal {
    Refusal::request("impossible", error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadBody {
    room_id: String,
    user_id: String,
    kind: Option<UploadKind>,
    content: String,
}

fn upload(shared: &Shared, body: &[u8]) -> Result<Value, Refusal> {
    let body: UploadBody = read(body)?;
    let kind = body.kind.unwrap_or(UploadKind::File);
    let upload = shared.state().upload(&body.room_id, &body.user_id, kind, body.content.into());
    Ok(json!({"key": upload.map_err(simulation_refusal)?.key}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    seconds: u32,
}

fn advance(shared: &Shared, body: &[u8]) -> Result<Value, Refusal> {
    let AdvanceBody { seconds } = read(body)?;
    shared.state().advance(SignedDuration::from_secs(seconds.into()));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PlantBody {
    User { id: UserId, role: Role },
    Room { description: String },
}

fn plant(shared: &Shared, body: &[u8]) -> Result<Value, Refusal> {
    match read(body)? {
        PlantBody::User { id, role } => {
            shared.state().plant_user(id.as_str(), role);
            Ok(json!({"id": id}))
        }
        PlantBody::Room { description } => Ok(json!({"id": shared.state().plant_room(&description)})),
    }
}
