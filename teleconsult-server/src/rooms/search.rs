//! Searches the vendor's rooms by marker.

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use jiff::{SignedDuration, Timestamp};

use super::Rooms;
use crate::store::Attempt;
use crate::vendor::VendorError;

/// How far the vendor's clock may be behind. Rooms are searched for from this long before the attempt began.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// The earliest creation time of an attempt's room, by the vendor's clock.
pub(super) fn search_start(started_at: Timestamp) -> Timestamp {
    started_at.saturating_sub(CLOCK_TOLERANCE).unwrap_or(Timestamp::MIN)
}

impl Rooms {
    /// The room of an attempt with its links, if the vendor has it.
    pub(super) async fn find(&self, attempt: &Attempt) -> Result<Option<Room>, VendorError> {
        let found = self.vendor.rooms_marked(&self.marker(attempt), search_start(attempt.started_at)).await?;
        match found.rooms.into_iter().next() {
            Some(room) => Ok(Some(self.vendor.room(&room.id).await?)),
            None => Ok(None),
        }
    }

    /// Whether the vendor reports that there is no such room. `false` if it cannot be asked.
    pub(super) async fn is_gone(&self, room: &RoomId) -> bool {
        self.vendor.room(room).await.is_err_and(|error| error.is_not_found())
    }
}
