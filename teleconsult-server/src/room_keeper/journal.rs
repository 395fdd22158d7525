//! How much is unsettled, for those who watch.

use jiff::Timestamp;

use super::RoomKeeper;
use crate::telemetry::metrics::JournalCounts;

/// Most queued rooms that are counted. A queue longer than this is as alarming, and counting it would cost.
const MOST_COUNTED: u32 = 10_000;

impl RoomKeeper {
    /// Counts what the journal holds.
    pub async fn journal(&self) -> JournalCounts {
        // Whatever is leased or due at the end of time is leased or due at all.
        let (open, queued) = tokio::join!(
            self.store.journal().open_attempts(Timestamp::MAX),
            self.store.due_retirements(Timestamp::MAX, MOST_COUNTED)
        );
        JournalCounts {
            open_attempts: open.ok().map(|attempts| attempts.len()),
            pending_retirements: queued.ok().map(|rooms| rooms.len()),
        }
    }
}
