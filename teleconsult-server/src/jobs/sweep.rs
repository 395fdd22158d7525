//! Searches the vendor's rooms for rooms without a record.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{FirstRun, Job, JobError, Next};
use crate::rooms::Rooms;

/// Runs [`Rooms::sweep`].
pub struct Sweep(pub Arc<Rooms>);

impl Job for Sweep {
    const NAME: &'static str = "sweep";
    const SHARED: bool = true;
    const FIRST_RUN: FirstRun = FirstRun::AfterInterval;

    fn interval(&self) -> Duration {
        self.0.settings().sweep_interval
    }

    async fn run(&self, _stop: &CancellationToken) -> Result<Next, JobError> {
        self.0.sweep().await?;
        Ok(Next::AfterInterval)
    }
}
