use std::time::Duration;

use crate::http::call::{Call, Wire};
use crate::http::decode::link as read_link;
use crate::operations::Operation;
use crate::types::ids::SessionId;
use crate::types::secret::FileUrl;

fn link_of(operation: Operation, session: &SessionId, lifetime: Option<Duration>) -> Wire<FileUrl> {
    Call::v1(operation, &[session.as_str()])
        .query("expire_time", lifetime.map(|lifetime| lifetime.as_millis()))
        .decode_with(read_link)
}

/// v1 expects the lifetime in milliseconds.
pub(crate) fn link(session: &SessionId, lifetime: Option<Duration>) -> Wire<FileUrl> {
    link_of(Operation::GetRecordingLink, session, lifetime)
}

pub(crate) fn broadcast_link(session: &SessionId, lifetime: Option<Duration>) -> Wire<FileUrl> {
    link_of(Operation::GetBroadcastRecordingLink, session, lifetime)
}
