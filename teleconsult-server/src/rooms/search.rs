//! Searches the vendor's rooms by marker.

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use jiff::{SignedDuration, Timestamp};

use super::{Rooms, RunError, marker};
use crate::store::Attempt;
use crate::vendor::{Search, VendorError};

/// How far the vendor's clock may be behind. Rooms are searched for from this long before the attempt began.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);
/// Most pages of the period that a search for attempts reads. In 20 minutes a company does not create 100,000 rooms; the
/// limit is for a list that never ends.
pub(super) const MAX_PAGES: u32 = 1000;

/// The earliest creation time of an attempt's room, by the vendor's clock.
pub(super) fn search_start(started_at: Timestamp) -> Timestamp {
    started_at.saturating_sub(CLOCK_TOLERANCE).unwrap_or(Timestamp::MIN)
}

impl Rooms {
    /// The room of an attempt with its links, if the vendor has it.
    pub(super) async fn find(&self, attempt: &Attempt) -> Result<Option<Room>, VendorError> {
        let marker = self.marker(attempt);
        let not_before = search_start(attempt.started_at);
        let search = Search { prefix: &marker, not_before, max_pages: MAX_PAGES, first_only: true };
        match self.vendor.search_rooms(search).await?.rooms.into_iter().next() {
            Some(room) => Ok(Some(self.vendor.room(&room.id).await?)),
            None => Ok(None),
        }
    }

    /// Whether the vendor has lost the room of a record: it does not find it, and a search by its marker does not either.
    /// `false` for a room that this service has not created at this vendor, because it may be looked up in the wrong place,
    /// and for one whose period has too many rooms to be searched.
    ///
    /// # Errors
    ///
    /// [`RunError`], if the journal or the vendor's list cannot be read.
    pub(super) async fn is_lost(&self, room: &RoomId) -> Result<bool, RunError> {
        let Some(attempt) = self.store.read().attempt_of_room(room).await? else { return Ok(false) };
        if !self.vendor.room(room).await.is_err_and(|error| error.may_mean_not_found()) {
            return Ok(false);
        }
        let Some(begun_at) = marker::begun_at(&attempt) else { return Ok(false) };
        let marker = marker::marker(&self.store.deployment().id, &attempt);
        let not_before = search_start(begun_at);
        let search = Search { prefix: &marker, not_before, max_pages: MAX_PAGES, first_only: true };
        let found = self.vendor.search_rooms(search).await?;
        Ok(found.complete && found.rooms.is_empty())
    }
}
