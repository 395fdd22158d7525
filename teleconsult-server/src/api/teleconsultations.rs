//! Create, view, change and delete a teleconsultation.

use std::sync::Arc;

use bandyer_client::UserId;
use bandyer_client::rooms::Room;
use http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tracing::Instrument;

use super::idempotency::keyed;
use super::{Operation, failure, participants};
use crate::api::state::App;
use crate::domain::ids::TeleconsultationId;
use crate::domain::link::{self, LinkOptions};
use crate::domain::participants::Participant;
use crate::domain::schedule::{End, ScheduleChange};
use crate::domain::teleconsultation::{Change, Proposal, Teleconsultation};
use crate::http::error::ApiError;
use crate::http::input::Input;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::platform;
use crate::rooms::details::RoomDetails;
use crate::use_cases::UseCaseError;

/// What a new teleconsultation is called.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CreatedTeleconsultation", deny_unknown_fields)]
pub(super) struct Created {
    /// The id for all later requests. It is not the vendor's id of the room.
    #[schemars(with = "String")]
    room_id: TeleconsultationId,
}

pub(super) async fn create(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let label = "POST /teleconsultation".to_owned();
    let operation = Operation { short: label.clone(), full: label };
    let body = request.input()?;
    let invitations = participants::invitations(&body.required("participants")?, app.people.are_told())?;
    let start = body.required("start_date")?.moment()?;
    let end = end(&body)?.ok_or_else(|| ApiError::validation(EXACTLY_ONE_END))?;
    let key = keyed(request)?;
    let created = app.appointments.create(Proposal { start, end, invitations }, key).await;
    let room_id = created.map_err(|error| failure(error, &operation))?;
    Reply::json(StatusCode::CREATED, &Created { room_id })
}

pub(super) async fn change(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let id = id(request).ok_or_else(ApiError::not_found)?;
    let operation =
        Operation { short: "PATCH /teleconsultation".to_owned(), full: format!("PATCH /teleconsultation/{id}") };
    let body = request.input()?;
    let told = app.people.are_told();
    let invitations = body.optional("participants")?.map(|list| participants::invitations(&list, told)).transpose()?;
    let start = body.optional("start_date")?.map(|date| date.moment()).transpose()?;
    let change = Change { schedule: ScheduleChange { start, end: end(&body)? }, invitations };
    app.appointments.change(&id, change).await.map_err(|error| failure(error, &operation))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let id = id(request).ok_or_else(ApiError::not_found)?;
    let operation =
        Operation { short: "DELETE /teleconsultation".to_owned(), full: format!("DELETE /teleconsultation/{id}") };
    app.appointments.delete(&id).await.map_err(|error| failure(error, &operation))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

const EXACTLY_ONE_END: &str = "body must have exactly one of the properties 'end_date', 'duration_in_seconds'";

fn end(body: &Input<'_>) -> Result<Option<End>, ApiError> {
    match (body.optional("end_date")?, body.optional("duration_in_seconds")?) {
        (Some(_), Some(_)) => Err(ApiError::validation(EXACTLY_ONE_END)),
        (Some(date), None) => Ok(Some(End::At(date.moment()?))),
        (None, Some(seconds)) => Ok(Some(End::After(seconds.integer()?))),
        (None, None) => Ok(None),
    }
}

/// The id in the path, or nothing when no record can have it.
pub(super) fn id(request: &Request) -> Option<TeleconsultationId> {
    TeleconsultationId::parse(request.id.as_deref()?)
}

/// What a participant sees. Everything but one's own link is the same for all of them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TeleconsultationView", deny_unknown_fields)]
pub(super) struct View<'a> {
    /// The caller's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
    /// The caller's own link to the call; null until everybody is known and the immutable period has begun.
    #[serde(rename = "accessLinkURL")]
    access_link: Option<String>,
    /// Everybody who is known so far, the caller among them.
    participants_bandyer_call: Vec<Seen<'a>>,
    /// The vendor's room; null when there is none or the vendor did not tell in time.
    details: Option<RoomView<'a>>,
}

/// Somebody who takes part.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CallParticipant", deny_unknown_fields)]
pub(super) struct Seen<'a> {
    /// The person's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
    /// The name to show.
    full_name: &'a str,
}

/// The vendor's room, in camel case. The vendor may use other words than today's where a text stands.
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
    /// The room's mark.
    description: Option<&'a str>,
    /// Whether somebody is in the room.
    status: Option<&'a str>,
    /// Whether the room can no longer be entered.
    disabled: Option<bool>,
    /// When the room was made.
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
pub(super) async fn seen(app: &App, request: &Request) -> Result<(Teleconsultation, String), ApiError> {
    let raw = request.id.as_deref().unwrap_or_default();
    let absent =
        || ApiError::sentence(StatusCode::NOT_FOUND, format!("Room with id {} not found on CRUD", shown_id(raw)));
    let id = id(request).ok_or_else(absent)?;
    let record = match app.appointments.view(&id).await {
        Ok(record) => record,
        Err(UseCaseError::NotFound) => return Err(absent()),
        Err(UseCaseError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(ApiError::internal(error.to_string())),
    };
    let viewer = request.caller.viewer().ok_or_else(ApiError::unauthorized)?;
    if record.participant(viewer).is_none() {
        return Err(ApiError::unauthorized());
    }
    Ok((record, viewer.to_owned()))
}

pub(super) async fn view(app: &Arc<App>, request: &Request) -> Result<Reply, ApiError> {
    let (background, language) = link_query(request)?;
    let (mut record, viewer) = seen(app, request).await?;
    let (room, people) = (&record.room, &mut record.participants);
    let details = async {
        match room {
            Some(room) => app.details.of(room).await,
            None => RoomDetails::NotTold,
        }
    };
    let ((), details) = tokio::join!(app.people.complete_for_view(people), details);
    repair_soon(app, &record, &details);
    let viewer = record.participant(&viewer).ok_or_else(ApiError::unauthorized)?;
    let background = background || is_in_any(viewer, &app.settings.background_groups);
    let options = LinkOptions { background, language };
    Reply::json(StatusCode::OK, &seen_by(viewer, &record, app, options, &details))
}

fn seen_by<'a>(
    viewer: &'a Participant,
    record: &'a Teleconsultation,
    app: &App,
    options: LinkOptions<'_>,
    details: &'a RoomDetails,
) -> View<'a> {
    // A link to a room that is not there leads nowhere; a waiting room does.
    let there = !app.appointments.has_lost_its_room(details);
    let shown = there && record.is_immutable(app.appointments.rules(), Timestamp::now());
    // The platform's records hold links that this service has not looked at.
    let own_link = viewer.access_link.as_ref().filter(|own| shown && link::is_safe(own.expose()));
    View {
        bandyer_user_id: &viewer.vendor_user_id,
        access_link: own_link.map(|own| link::with_options(own.expose(), options)),
        participants_bandyer_call: record
            .participants
            .iter()
            .map(|participant| Seen {
                bandyer_user_id: &participant.vendor_user_id,
                full_name: &participant.invitation.full_name,
            })
            .collect(),
        details: match details {
            RoomDetails::Known(room) => Some(RoomView::from(room.as_ref())),
            RoomDetails::Gone | RoomDetails::NotTold => None,
        },
    }
}

/// A complete teleconsultation without a room gets one, in the background.
fn repair_soon(app: &Arc<App>, record: &Teleconsultation, details: &RoomDetails) {
    let Some(repair) = app.appointments.take_on_repair(record, details) else { return };
    let repairing = Arc::clone(app);
    let work = platform::forwarding(platform::current(), async move { repairing.appointments.repair(repair).await });
    app.tasks.spawn(work.in_current_span());
}

fn is_in_any(viewer: &Participant, groups: &[String]) -> bool {
    viewer.invitation.groups.iter().any(|group| groups.contains(group))
}

fn link_query(request: &Request) -> Result<(bool, Option<&str>), ApiError> {
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

/// An id that no record can have is repeated only as far as it is harmless.
fn shown_id(raw: &str) -> String {
    raw.chars().filter(|c| !c.is_control()).take(128).collect()
}
