//! The path is known only from a third-party client.

use crate::http::call::{Call, Wire};
use crate::http::decode::page;
use crate::operations::Operation;
use crate::signatures::Envelope;
use crate::types::ids::RoomId;
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn envelopes_of_room(room: &RoomId, window: Window) -> Wire<Page<Envelope>> {
    Call::v1(Operation::ListRoomEnvelopes, &[room.as_str()])
        .skip_and_limit(window)
        .decode_with(page(window, "envelopes"))
}
