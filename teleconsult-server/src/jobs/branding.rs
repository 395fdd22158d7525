//! Sends the company's colours and logo to the vendor, once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::base::backoff::Backoff;
use crate::branding;
use crate::vendor::VendorClient;

/// The wait after the first failure, and the maximum wait.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// Sends what the configuration file sets, until it has succeeded.
pub struct Branding {
    vendor: VendorClient,
    /// What is left to send.
    pending: Mutex<branding::Branding>,
}

impl Branding {
    /// Sends this branding.
    #[must_use]
    pub const fn new(branding: branding::Branding, vendor: VendorClient) -> Self {
        Self { vendor, pending: Mutex::new(branding) }
    }
}

impl Job for Branding {
    const NAME: &'static str = "branding";

    fn interval(&self) -> Duration {
        BACKOFF.0
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(BACKOFF.0, BACKOFF.1)
    }

    async fn run(&self, stop: &CancellationToken) -> Result<Next, JobError> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((left, result)) = stop.run_until_cancelled(pending.push(&self.vendor)).await else {
            return Ok(Next::Never);
        };
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = left;
        result.map(|()| Next::Never).map_err(|error| JobError::Other(Box::new(error)))
    }
}
