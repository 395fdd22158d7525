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
