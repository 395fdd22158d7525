//! Parses requests exactly as leniently as the vendor does.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::state::{
    CompanyChange, NewParticipant, NewRoom, NewUser, ParticipantChange, Sent, Span, ThemeMode, UserChange,
};
use crate::company::{Color, Palette};
use crate::rooms::{CallType, RecordingMode, Tools};
use crate::types::api_version::ApiVersion;
use crate::users::{Language, Role};

/// Default and maximum page size.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

pub(super) struct Input(Map<String, Value>);

type Result<T> = std::result::Result<T, Refusal>;

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::request("invalid_request", "The body must be a JSON object")),
            Err(_) => Err(Refusal::request("invalid_json", "The body is not JSON")),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name, "must be a string")),
        }
    }

    /// `true`, `false` and, as the vendor's samples write them, `1`, `0`, `"1"`, `"0"`, `"true"`, `"false"`.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>> {
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

    /// Whole seconds; an empty string counts as absent, because a known client sends it.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Option<u64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| invalid(name, "must be a whole number")),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| invalid(name, "must be a whole number")),
        }
    }

    /// A non-negative number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>> {
        self.seconds(name)
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| invalid(name, "is required"))
    }

    /// A string that null clears; the outer `None` means absent.
    pub(super) fn clearable(&self, name: &'static str) -> Result<Option<Option<String>>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
            Some(_) => Err(invalid(name, "must be a string or null")),
        }
    }

    pub(super) fn texts(&self, name: &'static str) -> Result<Vec<String>> {
        let wrong = || invalid(name, "must be an array of strings");
        let Some(Value::Array(items)) = self.get(name) else { return Err(wrong()) };
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    /// Ids inside objects: `[{"user_id": "…"}]`. Empty if absent.
    pub(super) fn user_ids(&self, name: &'static str) -> Result<Vec<String>> {
        let wrong = || invalid(name, "must be an array of objects with user_id");
        let items = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong()),
        };
        let id = |item: &Value| item.get("user_id").and_then(Value::as_str).map(str::to_owned);
        items.iter().map(|item| id(item).ok_or_else(wrong)).collect()
    }

    /// The change to one mode of the theme.
    pub(super) fn theme_mode(&self, name: &'static str) -> Result<ThemeMode> {
        let color = |fields: &Map<String, Value>, name: &str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.and_then(|text| text.parse::<Color>().ok())
                .ok_or_else(|| Refusal::validation("invalid_theme_color", format!("{name} must be #RRGGBB")))
        };
        match self.0.get(name) {
            None => Ok(ThemeMode::Unchanged),
            Some(Value::Null) => Ok(ThemeMode::Reset),
            Some(Value::Object(fields)) => {
                let (primary, accent) = (color(fields, "primary_color")?, color(fields, "accent_color")?);
                Ok(ThemeMode::Set(Palette { primary, accent }))
            }
            Some(_) => Err(invalid(name, "must be an object or null")),
        }
    }

    pub(super) fn company_change(&self) -> Result<CompanyChange> {
        Ok(CompanyChange {
            name: self.text("name")?.map(str::to_owned),
            default_language: self.text("default_language")?.map(Language::from),
            background_alias: self.text("background_alias")?.map(str::to_owned),
            end_call_redirect_url: self.clearable("end_call_redirect_url")?,
            end_call_redirect_ms: self.number("end_call_redirect_timeout_ms")?,
            user_details_provider_url: self.text("user_details_provider_url")?.map(str::to_owned),
        })
    }

    /// All fields, for objects without documented fields.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        self.0
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
            transcribed: version == ApiVersion::V2 && self.flag("offline_transcription")?.unwrap_or(false),
        })
    }

    fn recording(&self, version: ApiVersion) -> Result<RecordingMode> {
        match version {
            ApiVersion::V1 => {
                let on = match self.flag("recording")? {
                    Some(on) => on,
                    None => self.flag("record")?.unwrap_or(false),
                };
                let kind = self.text("recording_type")?.map_or(RecordingMode::Automatic, RecordingMode::from);
                Ok(if on { kind } else { RecordingMode::Off })
            }
            ApiVersion::V2 => Ok(self.text("recording")?.map_or(RecordingMode::Off, RecordingMode::from)),
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

pub(super) fn invalid(field: &str, requirement: &str) -> Refusal {
    Refusal::validation("invalid_param", format!("{field} {requirement}"))
}

/// The parameters of a query.
pub(super) struct Query<'a>(Option<&'a str>);

impl<'a> Query<'a> {
    pub(super) const fn new(query: Option<&'a str>) -> Self {
        Self(query)
    }

    fn pairs(&self) -> url::form_urlencoded::Parse<'a> {
        url::form_urlencoded::parse(self.0.unwrap_or_default().as_bytes())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// All values of a repeatable parameter.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>> {
        let text = self.text(name);
        text.map(|text| text.parse().map_err(|_| invalid(name, "must be a whole number"))).transpose()
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid(name, "must be true or false")),
        }
    }

    pub(super) fn timestamp(&self, name: &'static str) -> Result<Option<Timestamp>> {
        let text = self.text(name);
        text.map(|text| text.parse().map_err(|_| invalid(name, "must be a timestamp in ISO 8601"))).transpose()
    }

    /// The requested part of a list; the offset has a different name in each API version.
    pub(super) fn span(&self, version: ApiVersion) -> Result<Span> {
        let offset_name = offset_name(version);
        let offset = self.number(offset_name)?.unwrap_or(0);
        let limit = self.number("limit")?.unwrap_or(DEFAULT_LIMIT as u64);
        if !(1..=MAX_LIMIT as u64).contains(&limit) {
            return Err(invalid("limit", "must be from 1 to 100"));
        }
        Ok(Span { offset: to_usize(offset), limit: to_usize(limit) })
    }

    /// The same with bracketed names; by default there is no limit.
    pub(super) fn filter_span(&self) -> Result<Span> {
        let limit = self.number("filter[limit]")?.filter(|limit| *limit > 0);
        let offset = self.number("filter[skip]")?.unwrap_or(0);
        Ok(Span { offset: to_usize(offset), limit: limit.map_or(usize::MAX, to_usize) })
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) const fn offset_name(version: ApiVersion) -> &'static str {
    match version {
        ApiVersion::V1 => "skip",
        ApiVersion::V2 => "offset",
    }
}

/// The fields of a form.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, Sent)>);

impl Form {
    /// Parses a multipart form, if the content type declares one.
    pub(super) async fn read(content_type: Option<&str>, body: Bytes) -> Result<Option<Self>> {
        let Some(Ok(boundary)) = content_type.map(multer::parse_boundary) else { return Ok(None) };
        let malformed = |_| Refusal::request("upload_error", "The form cannot be read");
        let once = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
        let mut form = multer::Multipart::new(once, boundary);
        let mut fields = Vec::new();
        while let Some(field) = form.next_field().await.map_err(malformed)? {
            let name = field.name().unwrap_or_default().to_owned();
            let content_type = field.content_type().map_or_else(|| "text/plain".to_owned(), ToString::to_string);
            fields.push((name, Sent { content_type, bytes: field.bytes().await.map_err(malformed)? }));
        }
        Ok(Some(Self(fields)))
    }

    /// The content type and the size of each field.
    pub(super) fn outline(&self) -> Value {
        let field = |(name, sent): &(String, Sent)| {
            (name.clone(), json!({"content_type": sent.content_type, "bytes": sent.bytes.len()}))
        };
        Value::Object(self.0.iter().map(field).collect())
    }

    pub(super) fn file(&self, name: &str) -> Result<&Sent> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found
            .map(|(_, sent)| sent)
            .ok_or_else(|| Refusal::request("file_not_found", format!("The form has no file {name}")))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, sent)| String::from_utf8_lossy(&sent.bytes).into_owned())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<String> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| invalid(name, "is required"))
    }
}
