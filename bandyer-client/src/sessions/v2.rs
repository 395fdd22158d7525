use super::json::{ConnectionRecord, Record};
use crate::http::call::{Call, Wire};
use crate::http::decode::{json_as, page_of};
use crate::operations::Operation;
use crate::sessions::{ConnectionEvent, Session, SessionFilter};
use crate::types::ids::SessionId;
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn list(filter: &SessionFilter, window: Window) -> Wire<Page<Session>> {
    Call::v2(Operation::ListSessions, &[])
        .offset_and_limit(window)
        .query("room_id", filter.room.as_ref())
        .decode_with(page_of!(window, sessions: Record))
}

pub(crate) fn get(id: &SessionId) -> Wire<Session> {
    Call::v2(Operation::GetSession, &[id.as_str()]).decode_with(json_as::<Record, _>)
}

pub(crate) fn connections(id: &SessionId, window: Window) -> Wire<Page<ConnectionEvent>> {
    Call::v2(Operation::ListConnections, &[id.as_str()])
        .offset_and_limit(window)
        .decode_with(page_of!(window, connection_events or "user_connections" or "connections": ConnectionRecord))
}
