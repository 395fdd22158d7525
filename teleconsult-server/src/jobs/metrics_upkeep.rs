//! Bounds the memory of recorded durations.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{FirstRun, Job, JobError, Next};
use crate::telemetry::registry::Registry;

/// How often durations are moved into their buckets if the metrics are not requested. Until then each takes memory.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs [`Registry::upkeep`].
pub struct MetricsUpkeep(pub Registry);

impl Job for MetricsUpkeep {
    const NAME: &'static str = "metrics_upkeep";
    const FIRST_RUN: FirstRun = FirstRun::AfterInterval;

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&self, _stop: &CancellationToken) -> Result<Next, JobError> {
        self.0.upkeep();
        Ok(Next::AfterInterval)
    }
}
