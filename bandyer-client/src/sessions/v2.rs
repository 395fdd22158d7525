use crate::http::call::{Call, Wire};
use crate::http::decode::{json, page, page_named};
use crate::operations::Operation;
use crate::sessions::{ConnectionEvent, Session, SessionFilter};
use crate::types::ids::SessionId;
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn list(filter: &SessionFilter, window: Window) -> Wire<Page<Session>> {
    Call::v2(Operation::ListSessions, &[])
        .offset_and_limit(window)
        .query("room_id", filter.room.as_ref())
        .decode_with(page(window, "sessions"))
}

pub(crate) fn get(id: &SessionId) -> Wire<Session> {
    Call::v2(Operation::GetSession, &[id.as_str()]).decode_with(json)
}

pub(crate) fn connections(id: &SessionId, window: Window) -> Wire<Page<ConnectionEvent>> {
    Call::v2(Operation::ListConnections, &[id.as_str()])
        .offset_and_limit(window)
        .decode_with(page_named(window, &["connection_events", "user_connections", "connections"]))
}
