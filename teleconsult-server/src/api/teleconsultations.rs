//! Create, view, change and delete a teleconsultation.

use std::sync::Arc;

use bandyer_client::UserId;
use bandyer_client::rooms::Room;
use http::StatusCode;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::Instrument;

use super::idempotency::keyed;
use super::openapi::failures::{always, of_bodies, of_keys, of_the_store, of_the_vendor};
use super::openapi::operation::{BodyDescription, Context, EXAMPLE_ID, Operation, Success, Tag, doctor, patient};
use super::participants::{DescribedParticipants, KnownParticipants, OLDER_NAMES};
use super::state::ApiState;
use super::values::{Moment, Seconds};
use super::{Request, Result, caller, errors};
use crate::base::panics;
use crate::domain::ids::TeleconsultationId;
use crate::domain::link::{self, LinkOptions};
use crate::domain::participants::{Participant, ParticipantList, RequestedParticipant};
use crate::domain::schedule::{End, ScheduleChange};
use crate::domain::teleconsultation::{Change, Proposal, Refusal, Teleconsultation};
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::http::validation::{RequestBody, exactly_one};
use crate::platform;
use crate::rooms::details::RoomDetails;
use crate::use_cases::{UseCaseError, Viewed};

/// The two ways to name the end.
const ENDS: &[&str] = &["end_date", "duration_in_seconds"];

/// A teleconsultation to create. Its end is named in exactly one of two ways.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewTeleconsultation")]
#[schemars(extend("oneOf" = [{"required": ["end_date"]}, {"required": ["duration_in_seconds"]}]))]
struct NewTeleconsultation<P> {
    /// Who takes part.
    participants: P,
    /// When it starts. A past start is accepted.
    start_date: Moment,
    /// When it ends: at least 300 seconds after the start.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    end_date: Option<Moment>,
    /// How long it takes: instead of `end_date`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Seconds")]
    duration_in_seconds: Option<Seconds>,
}

/// What changes; the rest stays. At most one of the two names of the end.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TeleconsultationChange")]
#[schemars(extend("not" = {"required": ["end_date", "duration_in_seconds"]}))]
struct TeleconsultationChange<P> {
    /// Who takes part from now on: the whole list, not an addition.
    #[schemars(skip_serializing_if = "Option::is_none", with = "P")]
    participants: Option<P>,
    /// When it starts. The duration stays as it is unless the end or the duration is named too.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    start_date: Option<Moment>,
    /// When it ends: at least 300 seconds after the start.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Moment")]
    end_date: Option<Moment>,
    /// How long it takes: instead of `end_date`.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Seconds")]
    duration_in_seconds: Option<Seconds>,
}

impl<P: DeserializeOwned> RequestBody for NewTeleconsultation<P> {
    const OLDER_NAMES: &'static [(&'static str, &'static str)] = OLDER_NAMES;
    const ALTERNATIVES: &'static [&'static str] = ENDS;
}

impl<P: DeserializeOwned> RequestBody for TeleconsultationChange<P> {
    const OLDER_NAMES: &'static [(&'static str, &'static str)] = OLDER_NAMES;
    const ALTERNATIVES: &'static [&'static str] = ENDS;
}

impl<P: Into<ParticipantList<RequestedParticipant>>> TryFrom<NewTeleconsultation<P>> for Proposal {
    type Error = ApiError;

    fn try_from(new: NewTeleconsultation<P>) -> std::result::Result<Self, ApiError> {
        let end = end(new.end_date, new.duration_in_seconds)?.ok_or_else(not_one_end)?;
        Ok(Self { start: new.start_date.0, end, participants: new.participants.into() })
    }
}

impl<P: Into<ParticipantList<RequestedParticipant>>> TryFrom<TeleconsultationChange<P>> for Change {
    type Error = ApiError;

    fn try_from(change: TeleconsultationChange<P>) -> std::result::Result<Self, ApiError> {
        let start = change.start_date.map(|Moment(start)| start);
        let schedule = ScheduleChange { start, end: end(change.end_date, change.duration_in_seconds)? };
        Ok(Self { schedule, participants: change.participants.map(Into::into) })
    }
}

fn end(date: Option<Moment>, duration: Option<Seconds>) -> std::result::Result<Option<End>, ApiError> {
    match (date, duration) {
        (Some(_), Some(_)) => Err(not_one_end()),
        (Some(Moment(date)), None) => Ok(Some(End::At(date))),
        (None, Some(Seconds(seconds))) => Ok(Some(End::After(seconds))),
        (None, None) => Ok(None),
    }
}

fn not_one_end() -> ApiError {
    ApiError::validation(format!("body must {}", exactly_one(ENDS)))
}

/// The id of a new teleconsultation.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CreatedTeleconsultation", deny_unknown_fields)]
pub(super) struct Created {
    /// The id for all later requests. It is not the vendor's id of the room.
    #[schemars(with = "String")]
    room_id: TeleconsultationId,
}

pub(super) async fn create(api: &Arc<ApiState>, request: &Request) -> Result {
    let proposal = if api.parts.profiles.is_caller() {
        Proposal::try_from(request.read::<NewTeleconsultation<DescribedParticipants>>()?)?
    } else {
        Proposal::try_from(request.read::<NewTeleconsultation<KnownParticipants>>()?)?
    };
    let room_id = api.parts.use_cases.create(proposal, keyed(request, &caller(api, request))?).await?;
    Ok(Response::json(StatusCode::CREATED, &Created { room_id })?)
}

pub(super) async fn change(api: &Arc<ApiState>, request: &Request) -> Result {
    let id = id(request)?;
    let change = if api.parts.profiles.is_caller() {
        Change::try_from(request.read::<TeleconsultationChange<DescribedParticipants>>()?)?
    } else {
        Change::try_from(request.read::<TeleconsultationChange<KnownParticipants>>()?)?
    };
    api.parts.use_cases.change(id, change).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete(api: &Arc<ApiState>, request: &Request) -> Result {
    api.parts.use_cases.delete(id(request)?).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// The id in the path.
///
/// # Errors
///
/// 404 when no record can have it.
pub(super) fn id(request: &Request) -> std::result::Result<&TeleconsultationId, ApiError> {
    request.target.teleconsultation().ok_or_else(ApiError::not_found)
}

/// What a participant sees. All but the personal link is the same for all of them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TeleconsultationView", deny_unknown_fields)]
pub(super) struct View<'a> {
    /// The caller's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
    /// The caller's own link to the call; null until all participants are known and the immutable period has begun.
    #[serde(rename = "accessLinkURL")]
    access_link: Option<String>,
    /// The participants who are known so far, the caller among them.
    participants_bandyer_call: Vec<CallParticipant<'a>>,
    /// The vendor's room; null when there is none or the vendor did not respond in time.
    details: Option<RoomView<'a>>,
}

/// A participant.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CallParticipant", deny_unknown_fields)]
pub(super) struct CallParticipant<'a> {
    /// The person's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
    /// The name to show.
    full_name: &'a str,
}

/// The vendor's room, in camel case. The vendor may add values where a text stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoomDetails", deny_unknown_fields)]
pub(super) struct RoomView<'a> {
    /// Whether calls are recorded: `none`, `manual` or `automatic`.
    recording: Option<&'a str>,
    /// Whether a recording is running.
    recording_status: Option<&'a str>,
    /// What the call starts with, such as `audio_video`.
    call_type: Option<&'a str>,
    /// The room's marker.
    description: Option<&'a str>,
    /// Whether the room is in use.
    status: Option<&'a str>,
    /// Whether the room can no longer be entered.
    disabled: Option<bool>,
    /// When the room was created.
    #[schemars(extend("format" = "date-time"))]
    creation_date: Option<String>,
    /// Longest call time; 0 when unlimited.
    duration_in_seconds: u64,
    /// Call time so far.
    duration_used_in_seconds: u64,
    /// Whether using a link makes the others ring.
    live: Option<bool>,
}

impl<'a> From<&'a Room> for RoomView<'a> {
    fn from(room: &'a Room) -> Self {
        Self {
            recording: room.recording.as_ref().map(|recording| recording.as_str()),
            recording_status: room.recording_status.as_deref(),
            call_type: room.call_type.as_ref().map(|kind| kind.as_str()),
            description: room.description.as_ref().map(|description| description.as_str()),
            status: room.status.as_ref().map(|status| status.as_str()),
            disabled: room.disabled,
            creation_date: room.created_at.map(|created| format!("{created:.3}")),
            duration_in_seconds: room.max_duration.unwrap_or_default().as_secs(),
            duration_used_in_seconds: room.used_duration.unwrap_or_default().as_secs(),
            live: room.live,
        }
    }
}

/// The teleconsultation of the path, and the id of the participant who asks for it.
pub(super) async fn viewed(api: &ApiState, request: &Request) -> Result<(Viewed, String)> {
    let raw = request.target.raw_room_id();
    let absent =
        || ApiError::sentence(StatusCode::NOT_FOUND, format!("Room with id {} not found on CRUD", shown_id(raw)));
    let id = request.target.teleconsultation().ok_or_else(absent)?;
    let view = match api.parts.use_cases.view(id).await {
        Err(UseCaseError::NotFound) => return Err(absent().into()),
        view => view?,
    };
    let caller = caller(api, request);
    let viewer = caller.viewer().filter(|viewer| view.record.participant(viewer).is_some());
    let viewer = viewer.ok_or_else(errors::unauthorized)?.to_owned();
    Ok((view, viewer))
}

pub(super) async fn view(api: &Arc<ApiState>, request: &Request) -> Result {
    let (background, language) = link_query(request)?;
    let (mut view, viewer) = viewed(api, request).await?;
    let (room, people) = (&view.record.room, &mut view.record.participants);
    let details = async {
        match room {
            Some(room) => api.details.of(room).await,
            None => RoomDetails::Unavailable,
        }
    };
    let ((), details) = tokio::join!(api.parts.profiles.load_missing_for_view(people), details);
    repair_soon(api, &view.record, &details);
    // A link to a lost room leads nowhere; a waiting room does.
    let shows_link = view.shows_links && !api.parts.use_cases.repairs().is_room_lost(&view.record);
    let viewer = view.record.participant(&viewer).ok_or_else(errors::unauthorized)?;
    let background = background || is_in_any(viewer, &api.settings.endpoints.background_groups);
    let options = LinkOptions { background, language };
    Ok(Response::json(StatusCode::OK, &view_of(viewer, &view.record, shows_link, options, &details))?)
}

fn view_of<'a>(
    viewer: &'a Participant,
    record: &'a Teleconsultation,
    shows_link: bool,
    options: LinkOptions<'_>,
    details: &'a RoomDetails,
) -> View<'a> {
    // The platform's records hold links that this service has not checked.
    let link = viewer.access_link.as_ref().filter(|link| shows_link && link::is_safe(link.expose()));
    View {
        bandyer_user_id: &viewer.vendor_user_id,
        access_link: link.map(|link| link::with_options(link.expose(), options)),
        participants_bandyer_call: record
            .participants
            .iter()
            .map(|participant| CallParticipant {
                bandyer_user_id: &participant.vendor_user_id,
                full_name: &participant.person.profile.full_name,
            })
            .collect(),
        details: match details {
            RoomDetails::Known(room) => Some(RoomView::from(room.as_ref())),
            RoomDetails::Gone | RoomDetails::Unavailable => None,
        },
    }
}

/// Gives a complete teleconsultation without a room one, in the background.
fn repair_soon(api: &Arc<ApiState>, record: &Teleconsultation, details: &RoomDetails) {
    let Some(repair) = api.parts.use_cases.repairs().start(record, details) else { return };
    let repairing = Arc::clone(api);
    let work =
        platform::forwarding(platform::current(), async move { repairing.parts.use_cases.repairs().run(repair).await });
    api.tasks.spawn(panics::log("room repair", work).in_current_span());
}

fn is_in_any(viewer: &Participant, groups: &[String]) -> bool {
    viewer.person.profile.groups.iter().any(|group| groups.contains(group))
}

fn link_query(request: &Request) -> std::result::Result<(bool, Option<&str>), ApiError> {
    let background = match request.query("useBackground") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::validation("querystring.useBackground must be boolean")),
    };
    let language = request.query("language").filter(|language| !language.is_empty());
    let is_code = |language: &str| language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase());
    if language.is_some_and(|language| !is_code(language)) {
        return Err(ApiError::validation(
            "querystring.language must be a language code of two letters, such as it or en",
        ));
    }
    Ok((background, language))
}

/// An invalid id, as far as it is harmless.
fn shown_id(raw: &str) -> String {
    raw.chars().filter(|c| !c.is_control()).take(128).collect()
}

pub(super) fn create_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), of_keys(), always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("All participants are known, and none is a plus user.", context.refusal(Refusal::NoPlusUser)));
    let example = json!({
        "start_date": "2030-03-05T09:00:00.000Z",
        "duration_in_seconds": 1800,
        "participants": {"number": 2, "data": [doctor(), patient()]},
    });
    Operation {
        id: "createTeleconsultation",
        tag: Tag::Teleconsultations,
        summary: "Create a teleconsultation",
        description: "The vendor's room is created immediately when all participants are known, else with the change \
                      that completes the list. A refused one is not stored; vendor users created for it stay and are \
                      used again.",
        query: Vec::new(),
        body: Some(BodyDescription::json(context.schema::<NewTeleconsultation<DescribedParticipants>>(), example)),
        success: Success {
            links: &["viewTeleconsultation", "changeTeleconsultation", "deleteTeleconsultation", "addParticipant"],
            ..Success::json(
                StatusCode::CREATED,
                "It is created.",
                context.schema::<Created>(),
                json!({"roomId": EXAMPLE_ID}),
            )
        },
        failures,
    }
}

pub(super) fn view_operation(context: &mut Context) -> Operation {
    let mut failures = [always(), of_the_store()].concat();
    failures.extend([
        (
            "A query parameter is not what it must be.",
            ApiError::validation("querystring.useBackground must be boolean"),
        ),
        ("The caller does not take part, or gave no id.", errors::unauthorized()),
        (
            "There is no such teleconsultation.",
            ApiError::sentence(StatusCode::NOT_FOUND, format!("Room with id {EXAMPLE_ID} not found on CRUD")),
        ),
    ]);
    let background = json!({
        "name": "useBackground",
        "in": "query",
        "description": "Whether the link shows the company's background picture behind the caller.",
        "schema": {"type": "boolean", "default": false},
    });
    let language = json!({
        "name": "language",
        "in": "query",
        "description": "The language of the vendor's texts, such as `it` or `en`; else the company's.",
        "schema": {"type": "string", "pattern": "^[a-z]{2}$", "minLength": 2, "maxLength": 2},
        "example": "it",
    });
    Operation {
        id: "viewTeleconsultation",
        tag: Tag::Teleconsultations,
        summary: "Show a teleconsultation to one of its participants",
        description: "The personal link is shown from the moment on at which changes are refused: \
                      `IMMUTABLE_PERIOD_MS` before the start, when all participants are known.",
        query: vec![background, language],
        body: None,
        success: Success::json(
            StatusCode::OK,
            "What the caller may see.",
            context.schema::<View<'_>>(),
            view_example(),
        ),
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

pub(super) fn change_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("All participants are known, and none is a plus user.", context.refusal(Refusal::NoPlusUser)),
        ("There is no such teleconsultation.", ApiError::not_found()),
        ("All participants are known and the immutable period has begun.", context.refusal(Refusal::Immutable)),
    ]);
    Operation {
        id: "changeTeleconsultation",
        tag: Tag::Teleconsultations,
        summary: "Change a teleconsultation",
        description: "Other participants, and where calls have a time limit another duration, need another room: all \
                      links change. The old room is deleted only when the new one exists.",
        query: Vec::new(),
        body: Some(BodyDescription::json(
            context.schema::<TeleconsultationChange<DescribedParticipants>>(),
            json!({"end_date": "2030-03-05T10:00:00.000Z"}),
        )),
        success: Success::empty(StatusCode::NO_CONTENT, "It is changed."),
        failures,
    }
}

pub(super) fn delete_operation(_: &mut Context) -> Operation {
    let mut failures = [always(), of_the_store()].concat();
    failures.push(("There is no such teleconsultation, or no longer.", ApiError::not_found()));
    Operation {
        id: "deleteTeleconsultation",
        tag: Tag::Teleconsultations,
        summary: "Call a teleconsultation off",
        description: "It can no longer be seen, and its links stop working soon after.",
        query: Vec::new(),
        body: None,
        success: Success::empty(StatusCode::NO_CONTENT, "It is gone."),
        failures,
    }
}
