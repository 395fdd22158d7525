//! How much is unsettled, for those who watch.

use super::RoomKeeper;
use crate::store::JournalCounts;

impl RoomKeeper {
    /// Counts what the journal holds; nothing when it cannot be read.
    pub async fn journal(&self) -> Option<JournalCounts> {
        self.store.journal().counts().await.ok()
    }
}
