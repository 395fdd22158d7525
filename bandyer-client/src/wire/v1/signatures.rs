//! The path is known only from a third-party client.

use crate::model::ids::RoomId;
use crate::model::page::Page;
use crate::signatures::Envelope;
use crate::wire::v2::signatures::EnvelopeRecord;
use crate::wire::{Call, Window, Wire, page_of};

pub(crate) fn envelopes_of_room(room: &RoomId, window: Window) -> Wire<Page<Envelope>> {
    Call::get(&["room", room.as_str(), "envelope", "list"])
        .skip_and_limit(window)
        .decode_with(page_of!(window, envelopes: EnvelopeRecord))
}
