//! Why a use case fails.

use crate::base::deadline;
use crate::domain::teleconsultation::Refusal;
use crate::people::directory::DirectoryError;
use crate::people::profiles::ProfileError;
use crate::platform::UpstreamError;
use crate::rooms::ProvisionError;
use crate::store::StoreError;
use crate::vendor::VendorError;

/// Why a use case fails.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// No such teleconsultation, or it is in the trash.
    #[error("there is no such teleconsultation")]
    NotFound,
    /// The rules refuse it.
    #[error("the rules refuse it")]
    Refused(Refusal),
    /// Other writers kept changing it.
    #[error("the teleconsultation is being changed concurrently")]
    Contended,
    /// The request was answered before the change was begun.
    #[error(transparent)]
    DeadlinePassed(#[from] deadline::Passed),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// The profile of a person.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The vendor's room cannot be used.
    #[error("the vendor's room has no usable link for every participant")]
    Links,
    /// The same request is being executed.
    #[error("a request with the same key is being executed")]
    Running,
    /// The key was used for a different request.
    #[error("the key was used for a different request")]
    KeyReused,
}

impl UseCaseError {
    /// Whether the request itself was refused before it did anything, so that a corrected one may follow.
    pub(super) fn is_refusal(&self) -> bool {
        let status_of = |error: &UpstreamError| error.refusal().map(|(status, _)| status.as_u16());
        match self {
            Self::NotFound | Self::Refused(_) | Self::Profile(ProfileError::Unknown(_)) => true,
            Self::Profile(ProfileError::Upstream(error)) => {
                status_of(error).is_some_and(|status| matches!(status, 400 | 401 | 403 | 404 | 409 | 422))
            }
            // Other refusals may concern a read that followed a write of unknown outcome.
            Self::Store(error) => {
                let status = error.upstream().and_then(status_of);
                status.is_some_and(|status| matches!(status, 400 | 422))
            }
            Self::Contended
            | Self::DeadlinePassed(_)
            | Self::Vendor(_)
            | Self::Links
            | Self::Running
            | Self::KeyReused => false,
        }
    }
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, UseCaseError>;

impl From<DirectoryError> for UseCaseError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => Self::Store(error),
            DirectoryError::Vendor(error) => Self::Vendor(error),
        }
    }
}

impl From<UpstreamError> for UseCaseError {
    fn from(error: UpstreamError) -> Self {
        Self::Profile(error.into())
    }
}

impl From<ProvisionError> for UseCaseError {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Stale => Self::Contended,
            ProvisionError::Store(error) => Self::Store(error),
            ProvisionError::Vendor(error) => Self::Vendor(error),
            ProvisionError::TooLate => Self::Refused(Refusal::Immutable),
            ProvisionError::Links => Self::Links,
        }
    }
}
