//! What failures of the layers below mean to a caller.

use std::time::Duration;

use http::StatusCode;

use super::idempotency;
use super::routes::Target;
use crate::base::error_chain::chain;
use crate::domain::participants::ParticipantsRefusal;
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::http::policy::Effect;
use crate::http::timed_out;
use crate::people::directory::DirectoryError;
use crate::people::profiles::ProfileError;
use crate::platform::UpstreamError;
use crate::store::StoreError;
use crate::use_cases::UseCaseError;
use crate::vendor::VendorError;

/// The code of responses to requests that the store could not serve.
pub(super) const STORE_UNAVAILABLE: &str = "store_unavailable";
/// When to retry after an outage of unknown length.
const RETRY_AFTER_OUTAGE: Duration = Duration::from_secs(5);
/// The vendor's own samples wait a minute after a refusal for quota that names no time.
const RETRY_AFTER_QUOTA: Duration = Duration::from_secs(60);
/// When to retry after other requests for the same teleconsultation were faster.
const RETRY_AFTER_CONTENTION: Duration = Duration::from_secs(1);

/// Why a handler fails.
#[derive(Debug)]
pub(super) enum HandlerError {
    /// The response is known.
    Response(ApiError),
    /// A use case failed. The response may name the route.
    UseCase(UseCaseError),
}

impl From<UseCaseError> for HandlerError {
    fn from(error: UseCaseError) -> Self {
        Self::UseCase(error)
    }
}

impl From<DirectoryError> for HandlerError {
    fn from(error: DirectoryError) -> Self {
        Self::UseCase(error.into())
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        Self::UseCase(error.into())
    }
}

impl From<UpstreamError> for HandlerError {
    fn from(error: UpstreamError) -> Self {
        Self::UseCase(error.into())
    }
}

impl From<ParticipantsRefusal> for HandlerError {
    fn from(refusal: ParticipantsRefusal) -> Self {
        Self::UseCase(UseCaseError::Refused(refusal.into()))
    }
}

/// Failures that mean the same on every route.
macro_rules! respond_alike {
    ($($error:ty),+) => {
        $(impl From<$error> for HandlerError {
            fn from(error: $error) -> Self {
                Self::Response(error.into())
            }
        })+
    };
}

respond_alike!(ApiError, VendorError);

/// The response to a failed request.
pub(super) fn response(error: HandlerError, target: &Target) -> ApiError {
    match error {
        HandlerError::Response(error) => error,
        HandlerError::UseCase(error) => match error {
            UseCaseError::NotFound => ApiError::not_found(),
            UseCaseError::Refused(refusal) => refused(refusal, target),
            UseCaseError::Contended => ApiError::coded(
                StatusCode::SERVICE_UNAVAILABLE,
                "contended",
                "others are changing the same teleconsultation",
            )
            .after(RETRY_AFTER_CONTENTION),
            UseCaseError::Store(error) => match error.upstream() {
                Some(upstream) => of_service(upstream, target.route.policy.effect),
                None => error.into(),
            },
            UseCaseError::Vendor(error) => error.into(),
            UseCaseError::Profile(ProfileError::Unknown(user)) => {
                ApiError::sentence(StatusCode::BAD_REQUEST, format!("Failed {target}: user {user} is unknown"))
            }
            UseCaseError::Profile(ProfileError::Upstream(error)) => of_service(&error, target.route.policy.effect),
            UseCaseError::DeadlinePassed(_) => timed_out(),
            UseCaseError::Running => idempotency::running(),
            UseCaseError::KeyReused => idempotency::reused(),
            UseCaseError::Links => {
                ApiError::coded(StatusCode::BAD_GATEWAY, "upstream_error", "the video provider's room cannot be used")
            }
        },
    }
}

/// What the rules refuse, in the predecessor's sentences, which name the operation.
pub(super) fn refused(refusal: Refusal, target: &Target) -> ApiError {
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
            bad_request(format!("Failed {target}: user {user} is in no configured group"))
        }
        Refusal::NoPlusUser => {
            // For a change, the predecessor's sentence has no id.
            let operation = target.to_string();
            let operation = operation.strip_suffix(&format!("/{}", target.raw_room_id())).unwrap_or(&operation);
            bad_request(format!("Failed {operation}: no plus user in room"))
        }
        Refusal::Immutable => conflict(format!("Failed {target}: the teleconsultation can no longer be changed")),
        Refusal::AlreadyComplete => conflict(format!("Failed {target}: all participants are already known")),
    }
}

/// The caller is not known, or may not do this.
pub(super) fn unauthorized() -> ApiError {
    ApiError::sentence(StatusCode::UNAUTHORIZED, "Unauthorized user")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let Some(upstream) = error.upstream() {
            return Self::from(upstream);
        }
        let message = if error.is_ambiguous() {
            "the data store did not confirm the change; it may have been carried out"
        } else {
            "the data store cannot serve now; nothing was changed"
        };
        Self::coded(StatusCode::SERVICE_UNAVAILABLE, STORE_UNAVAILABLE, message)
            .after(RETRY_AFTER_OUTAGE)
            .because(chain(&error))
    }
}

/// What a platform service refuses is passed on, as the predecessor does; its failures are reported without its address.
fn of_service(error: &UpstreamError, effect: Effect) -> ApiError {
    let response = match error.refusal() {
        Some((status, message)) => ApiError::standard(status, message.unwrap_or("Something went wrong")),
        None => {
            let message = match effect {
                Effect::None => error.sentence_for_reads(),
                Effect::Changes => error.sentence(),
            };
            ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "platform_unavailable", message)
                .after(error.retry_after().unwrap_or(RETRY_AFTER_OUTAGE))
        }
    };
    response.because(chain(error))
}

impl From<&UpstreamError> for ApiError {
    fn from(error: &UpstreamError) -> Self {
        of_service(error, Effect::Changes)
    }
}

impl From<UpstreamError> for ApiError {
    fn from(error: UpstreamError) -> Self {
        Self::from(&error)
    }
}

/// The vendor's failures are this service's to the caller, who asked for none of these calls: never a 4xx.
impl From<VendorError> for ApiError {
    fn from(error: VendorError) -> Self {
        match error {
            VendorError::CircuitOpen { retry_after } => {
                let message = "the video provider keeps failing and is not asked for a moment";
                Self::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_resting", message).after(retry_after)
            }
            VendorError::DeadlinePassed(_) => timed_out(),
            VendorError::Call(error) => error.into(),
        }
    }
}

impl From<bandyer_client::Error> for ApiError {
    fn from(error: bandyer_client::Error) -> Self {
        let retry_after = error.retry_after();
        let unavailable = error.status() == Some(StatusCode::SERVICE_UNAVAILABLE);
        let bad_gateway = |code, message| Self::coded(StatusCode::BAD_GATEWAY, code, message);
        let response = if error.is_rate_limited() || (unavailable && retry_after.is_some()) {
            Self::coded(StatusCode::SERVICE_UNAVAILABLE, "upstream_busy", "the video provider is busy")
                .after(retry_after.unwrap_or(RETRY_AFTER_QUOTA))
        } else if error.is_timeout() {
            Self::coded(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "the video provider did not respond in time")
        } else if error.is_unauthorized() {
            // Not 401 or 403: the service's key is wrong, and a browser would ask its user to log in again.
            bad_gateway("upstream_error", "the video provider refused this service")
        } else if error.kind() == bandyer_client::ErrorKind::Connect {
            bad_gateway("upstream_unreachable", "the video provider cannot be reached")
        } else {
            bad_gateway("upstream_error", "the video provider could not carry out the request")
        };
        response.because(chain(&error))
    }
}
