//! Why a call to the vendor came to nothing.

use std::time::Duration;

use bandyer_client::{ErrorKind, Outcome};

use super::breaker::End;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// It was not made: too many before it failed.
    #[error("the video provider keeps failing and is left alone for a moment")]
    CircuitOpen {
        /// After what time to try again.
        retry_after: Duration,
    },
    /// It was made.
    #[error(transparent)]
    Call(#[from] bandyer_client::Error),
}

impl VendorError {
    /// What the client says, if a call was made.
    #[must_use]
    pub const fn call(&self) -> Option<&bandyer_client::Error> {
        match self {
            Self::CircuitOpen { .. } => None,
            Self::Call(error) => Some(error),
        }
    }

    /// Whether the vendor surely did nothing.
    #[must_use]
    pub fn surely_not_done(&self) -> bool {
        self.call().is_none_or(|error| matches!(error.outcome(), Outcome::NotSent | Outcome::Rejected))
    }

    /// Whether the vendor has no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.call().is_some_and(bandyer_client::Error::is_not_found)
    }

    /// Whether the vendor has such a thing already.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.call().is_some_and(bandyer_client::Error::is_conflict)
    }

    /// What went wrong, if a call was made.
    #[must_use]
    pub fn kind(&self) -> Option<ErrorKind> {
        self.call().map(bandyer_client::Error::kind)
    }

    /// The vendor's name for what went wrong.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.call()?.code()
    }
}

/// What the end of a call tells of the vendor's health.
pub(super) fn end_of<T>(result: &bandyer_client::Result<T>) -> End {
    let Err(error) = result else { return End::Answered };
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Decode => End::Failed,
        ErrorKind::Api if error.status().is_some_and(|status| status.is_server_error()) => End::Failed,
        // A refusal, quota among them, comes from a vendor that works; a request that was never built tells nothing.
        ErrorKind::Api => End::Answered,
        _ => End::Abandoned,
    }
}
