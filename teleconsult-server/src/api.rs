//! Input, use case, output; nothing else.

use std::sync::Arc;

use http::StatusCode;

use crate::api::routes::Route;
use crate::api::state::App;
use crate::domain::participants::ParticipantsRefusal;
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::people::profiles::ProfileError;
use crate::use_cases::UseCaseError;

mod credentials;
pub mod documentation;
mod idempotency;
pub mod metrics;
mod participants;
pub mod routes;
mod settings;
pub mod state;
mod status;
mod teleconsultations;
mod transcriptions;
mod uploads;

/// Carries out what a request asks for.
///
/// # Errors
///
/// The answer that is no success.
pub async fn handle(app: &Arc<App>, request: &Request) -> Result<Reply, ApiError> {
    match request.route {
        Route::Healthz => status::healthz(),
        Route::Ready => status::ready(app),
        Route::CheckUp => status::check_up(app).await,
        Route::Metrics => metrics::show(app).await,
        Route::DescriptionJson => Ok(documentation::json(app)),
        Route::DescriptionYaml => Ok(documentation::yaml(app)),
        Route::Documentation => Ok(documentation::page()),
        Route::DocumentationStyle => Ok(documentation::style()),
        Route::DocumentationScript => Ok(documentation::script()),
        Route::DocumentationWithoutSlash => Ok(documentation::moved("./documentation/")),
        Route::DocumentationOfOld => Ok(documentation::moved("../")),
        Route::Create => teleconsultations::create(app, request).await,
        Route::View => teleconsultations::view(app, request).await,
        Route::Change => teleconsultations::change(app, request).await,
        Route::Delete => teleconsultations::delete(app, request).await,
        Route::AddParticipant => participants::add(app, request).await,
        Route::DeleteUploads => uploads::delete(app, request).await,
        Route::IssueCredential => credentials::issue(app, request).await,
        Route::AddBackground => settings::add_background(app, request).await,
        Route::ChangeSettings => settings::update(app, request).await,
        Route::Transcription => transcriptions::show(app, request).await,
    }
}

/// How the predecessor names an operation in its sentences.
struct Operation {
    /// In the sentence about the missing plus user; for a change it has no id.
    short: String,
    /// In the other sentences.
    full: String,
}

fn failure(error: UseCaseError, operation: &Operation) -> ApiError {
    match error {
        UseCaseError::NotFound => ApiError::not_found(),
        UseCaseError::Refused(refusal) => refused(refusal, operation),
        UseCaseError::Contended => ApiError::coded(
            StatusCode::SERVICE_UNAVAILABLE,
            "contended",
            "others are changing the same teleconsultation",
        )
        .after(std::time::Duration::from_secs(1)),
        UseCaseError::Store(error) => error.into(),
        UseCaseError::Vendor(error) => error.into(),
        UseCaseError::Profile(ProfileError::Unknown(user)) => {
            let sentence = format!("Failed {}: user {user} is unknown", operation.full);
            ApiError::sentence(StatusCode::BAD_REQUEST, sentence)
        }
        UseCaseError::Profile(ProfileError::Upstream(error)) => ApiError::from(&error),
        UseCaseError::Running => idempotency::running(),
        UseCaseError::KeyReused => idempotency::reused(),
        UseCaseError::Links => {
            ApiError::coded(StatusCode::BAD_GATEWAY, "upstream_error", "the video provider's room cannot be used")
        }
    }
}

fn refused(refusal: Refusal, operation: &Operation) -> ApiError {
    let Operation { short, full } = operation;
    let bad_request = |sentence: String| ApiError::sentence(StatusCode::BAD_REQUEST, sentence);
    let conflict = |sentence: String| ApiError::sentence(StatusCode::CONFLICT, sentence);
    match refusal {
        Refusal::Schedule(refusal) => ApiError::validation(refusal.to_string()),
        Refusal::Participants(ParticipantsRefusal::Number) => {
            ApiError::validation("body.participants.number must be from 2 to 25")
        }
        Refusal::Participants(ParticipantsRefusal::TooMany) => {
            ApiError::validation("body.participants.data must NOT have more items than body.participants.number")
        }
        Refusal::Participants(ParticipantsRefusal::Twice(user)) => {
            ApiError::validation(format!("user {user} must NOT take part twice"))
        }
        Refusal::Participants(ParticipantsRefusal::UnknownGroup(user)) => {
            bad_request(format!("Failed {full}: user {user} is in no configured group"))
        }
        Refusal::NoPlusUser => bad_request(format!("Failed {short}: no plus user in room")),
        Refusal::Immutable => conflict(format!("Failed {full}: the teleconsultation can no longer be changed")),
        Refusal::AlreadyComplete => conflict(format!("Failed {full}: all participants are already known")),
    }
}
