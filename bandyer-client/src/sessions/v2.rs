use super::json::{ConnectionRecord, Record};
use crate::http::call::{Call, Wire};
use crate::http::decode::{json_as, page_of};
use crate::sessions::{ConnectionEvent, Session, SessionFilter};
use crate::types::ids::SessionId;
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn list(filter: &SessionFilter, window: Window) -> Wire<Page<Session>> {
    Call::get(&["sessions"])
        .offset_and_limit(window)
        .query("room_id", filter.room.as_ref())
        .decode_with(page_of!(window, sessions: Record))
}

pub(crate) fn get(id: &SessionId) -> Wire<Session> {
    Call::get(&["sessions", id.as_str()]).decode_with(json_as::<Record, _>)
}

pub(crate) fn connections(id: &SessionId, window: Window) -> Wire<Page<ConnectionEvent>> {
    Call::get(&["sessions", id.as_str(), "user-connections"])
        .offset_and_limit(window)
        .decode_with(page_of!(window, connection_events or "user_connections" or "connections": ConnectionRecord))
}
