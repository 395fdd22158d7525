use crate::http::call::iso_millis;
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, page};
use crate::operations::Operation;
use crate::sessions::{ConnectionEvent, Session, SessionFilter};
use crate::types::ids::{SessionId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn list(filter: &SessionFilter, window: Window) -> Wire<Page<Session>> {
    Call::v1(Operation::ListSessions, &[])
        .skip_and_limit(window)
        .query("start_date", filter.from.map(iso_millis))
        .query("end_date", filter.to.map(iso_millis))
        .decode_with(page(window, "sessions"))
}

pub(crate) fn of_user(user: &UserId, window: Window) -> Wire<Page<Session>> {
    Call::v1(Operation::ListUserSessions, &[user.as_str()]).skip_and_limit(window).decode_with(page(window, "sessions"))
}

pub(crate) fn get(id: &SessionId) -> Wire<Session> {
    Call::v1(Operation::GetSession, &[id.as_str()]).decode_with(json)
}

pub(crate) fn connections(id: &SessionId, window: Window) -> Wire<Page<ConnectionEvent>> {
    Call::v1(Operation::ListConnections, &[id.as_str()])
        .skip_and_limit(window)
        .decode_with(page(window, "connection_events"))
}
