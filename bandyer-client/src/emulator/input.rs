//! Reads what callers send, as leniently as the vendor does and no more.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::state::{NewParticipant, NewRoom, NewUser, ParticipantChange, UserChange};
use crate::config::ApiVersion;
use crate::rooms::{CallType, Recording, Tools};
use crate::users::{Language, Role};

/// Items a page holds unless told otherwise, and at most.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

pub(super) struct Input(Map<String, Value>);

type Result<T> = std::result::Result<T, Refusal>;

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::request("invalid_request", "The body must be a JSON object")),
            Err(_) => Err(Refusal::request("invalid_json", "The body is no JSON")),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str) -> Result<Option<&str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name, "must be a string")),
        }
    }

    /// `true`, `false` and, as the vendor's samples write them, `1`, `0`, `"1"`, `"0"`, `"true"`, `"false"`.
    fn flag(&self, name: &'static str) -> Result<Option<bool>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::Number(number) if number.as_u64() == Some(1) => Ok(Some(true)),
            Value::Number(number) if number.as_u64() == Some(0) => Ok(Some(false)),
            Value::String(text) if text == "1" || text == "true" => Ok(Some(true)),
            Value::String(text) if text == "0" || text == "false" => Ok(Some(false)),
            _ => Err(invalid(name, "must be a flag")),
        }
    }

    /// Whole seconds; an empty text counts as not set, since a known client sends that.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Option<u64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| invalid(name, "must be a whole number")),
        }
    }

    pub(super) fn user_id(&self) -> Result<&str> {
        self.text("user_id")?.ok_or_else(|| invalid("user_id", "is required"))
    }

    pub(super) fn new_user(&self, version: ApiVersion) -> Result<NewUser> {
        let role = self.text("role")?.ok_or_else(|| {
            Refusal::validation("role_validation_error", "Invalid role, available options are basic or plus")
        })?;
        Ok(NewUser {
            id: self.text("id")?.map(str::to_owned),
            role: Role::from(role),
            language: self.text("language")?.map(Language::from),
            camera: self.flag(camera_field(version))?,
        })
    }

    pub(super) fn user_change(&self, version: ApiVersion) -> Result<UserChange> {
        Ok(UserChange {
            role: self.text("role")?.map(Role::from),
            language: self.text("language")?.map(Language::from),
            camera: self.flag(camera_field(version))?,
            active: match version {
                ApiVersion::V1 => None,
                ApiVersion::V2 => self.flag("active")?,
            },
        })
    }

    pub(super) fn new_participant(&self) -> Result<NewParticipant> {
        Ok(NewParticipant {
            user_id: self.user_id()?.to_owned(),
            is_admin: self.flag("is_admin")?.unwrap_or(false),
            tools: self.tools()?.unwrap_or(Tools::all()),
        })
    }

    pub(super) fn participant_change(&self) -> Result<ParticipantChange> {
        Ok(ParticipantChange { is_admin: self.flag("is_admin")?, tools: self.tools()? })
    }

    fn tools(&self) -> Result<Option<Tools>> {
        match self.get("tools") {
            None => Ok(None),
            Some(tools @ Value::Object(_)) => {
                Tools::deserialize(tools).map(Some).map_err(|_| invalid("tools", "must hold flags"))
            }
            Some(_) => Err(invalid("tools", "must be an object")),
        }
    }

    pub(super) fn new_room(&self, version: ApiVersion) -> Result<NewRoom> {
        let Some(Value::Array(participants)) = self.get("participants") else {
            return Err(invalid("participants", "must be an array"));
        };
        Ok(NewRoom {
            participants: participants.iter().map(participant).collect::<Result<_>>()?,
            call_type: self.text("call_type")?.map_or(CallType::AudioVideo, CallType::from),
            recording: self.recording(version)?,
            duration: self.seconds("duration")?.filter(|seconds| *seconds > 0),
            live: self.flag("live")?.unwrap_or(false),
            description: self.text("description")?.map(str::to_owned),
            direct: self.flag("directCall")?.unwrap_or(false),
        })
    }

    fn recording(&self, version: ApiVersion) -> Result<Recording> {
        match version {
            ApiVersion::V1 => {
                let on = match self.flag("recording")? {
                    Some(on) => on,
                    None => self.flag("record")?.unwrap_or(false),
                };
                let kind = self.text("recording_type")?.map_or(Recording::Automatic, Recording::from);
                Ok(if on { kind } else { Recording::Off })
            }
            ApiVersion::V2 => Ok(self.text("recording")?.map_or(Recording::Off, Recording::from)),
        }
    }
}

fn participant(value: &Value) -> Result<NewParticipant> {
    match value {
        Value::Object(fields) => Input(fields.clone()).new_participant(),
        _ => Err(invalid("participants", "must hold objects")),
    }
}

const fn camera_field(version: ApiVersion) -> &'static str {
    match version {
        ApiVersion::V1 => "can_video",
        ApiVersion::V2 => "allow_camera",
    }
}

fn invalid(field: &str, requirement: &str) -> Refusal {
    Refusal::validation("invalid_param", format!("{field} {requirement}"))
}

/// The filter of a list of people, if it is there.
pub(super) fn admin_filter(query: Option<&str>) -> Result<Option<bool>> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match pairs.find(|(name, _)| name == "is_admin").as_ref().map(|(_, value)| value.as_ref()) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(invalid("is_admin", "must be true or false")),
    }
}

/// Offset and limit of a list; the first name is the generation's own.
pub(super) fn window(query: Option<&str>, offset_name: &str) -> Result<(usize, usize)> {
    let mut window = (0, DEFAULT_LIMIT);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let number = value.parse::<usize>().ok();
        if name == offset_name {
            window.0 = number.ok_or_else(|| invalid(offset_name, "must be a whole number"))?;
        } else if name == "limit" {
            window.1 = number
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| invalid("limit", "must be from 1 to 100"))?;
        }
    }
    Ok(window)
}
