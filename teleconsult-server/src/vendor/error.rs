//! Why a call to the vendor failed.

use std::time::Duration;

use bandyer_client::{ErrorKind, Outcome};

use super::breaker::CallOutcome;
use crate::base::deadline;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// It was not made, because too many calls before it failed.
    #[error("the video provider keeps failing; calls are suspended")]
    CircuitOpen {
        /// The time after which to call again.
        retry_after: Duration,
    },
    /// It was not made, because the request that it is for was answered meanwhile.
    #[error(transparent)]
    DeadlinePassed(#[from] deadline::Passed),
    /// It was made and failed.
    #[error(transparent)]
    Call(#[from] bandyer_client::Error),
}

impl VendorError {
    /// The client's error, if a call was made.
    #[must_use]
    pub const fn call(&self) -> Option<&bandyer_client::Error> {
        match self {
            Self::CircuitOpen { .. } | Self::DeadlinePassed(_) => None,
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

    /// Whether the vendor refused as it might refuse something that it does not have. Its response to a request about an
    /// unknown room is not documented, and for other things it is 400 with one code or another.
    #[must_use]
    pub fn may_mean_not_found(&self) -> bool {
        self.is_not_found() || self.call().and_then(|error| error.status()).is_some_and(|status| status == 400)
    }

    /// Whether the vendor refused a call about users because it does not know one of them. It reports that with 404, or with
    /// 400 and a code of its own.
    #[must_use]
    pub fn is_unknown_user(&self) -> bool {
        self.is_not_found() && self.surely_not_done()
    }

    /// Whether the vendor refuses calls of this service at the moment, whatever they are about: its key is not accepted, or
    /// its quota is used up.
    #[must_use]
    pub fn refuses_service(&self) -> bool {
        self.call().is_some_and(|error| error.is_unauthorized() || error.is_rate_limited())
    }

    /// The time after which the vendor, or the breaker, wants the next call.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_after } => Some(*retry_after),
            Self::DeadlinePassed(_) => None,
            Self::Call(error) => error.retry_after(),
        }
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

    /// The vendor's error code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.call()?.code()
    }
}

/// What the result of a call says about the vendor's health.
pub(super) fn outcome_of<T>(result: &bandyer_client::Result<T>) -> CallOutcome {
    let Err(error) = result else { return CallOutcome::Success };
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Decode => CallOutcome::Failure,
        ErrorKind::Api if error.status().is_some_and(|status| status.is_server_error()) => CallOutcome::Failure,
        // A working vendor refuses too, such as for an exceeded quota. A request that was never sent proves nothing.
        ErrorKind::Api => CallOutcome::Success,
        _ => CallOutcome::Inconclusive,
    }
}
