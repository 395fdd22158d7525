//! Deletes rooms that are no longer needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Job, JobError, Next};
use crate::rooms::Rooms;

/// The pause after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Runs [`Rooms::retire_due`] when a deletion is due or a room is queued.
pub struct RoomRetirement(pub Arc<Rooms>);

impl Job for RoomRetirement {
    const NAME: &'static str = "retirement";

    fn interval(&self) -> Duration {
        STORE_PAUSE
    }

    fn wake_up(&self) -> Option<Arc<Notify>> {
        Some(self.0.retirement_wake_up())
    }

    async fn run(&self, stop: &CancellationToken) -> Result<Next, JobError> {
        Ok(Next::After(self.0.retire_due(stop).await?))
    }
}
