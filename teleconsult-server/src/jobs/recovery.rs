//! Resolves attempts without a holder.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::rooms::Rooms;

/// Runs [`Rooms::recover`].
pub struct Recovery(pub Arc<Rooms>);

impl Job for Recovery {
    const NAME: &'static str = "recovery";

    fn interval(&self) -> Duration {
        self.0.settings().recovery_interval
    }

    async fn run(&self, _stop: &CancellationToken) -> Result<Next, JobError> {
        self.0.recover().await?;
        Ok(Next::AfterInterval)
    }
}
