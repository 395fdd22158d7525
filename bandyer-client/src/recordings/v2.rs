use std::time::Duration;

use crate::http::call::{Call, Wire};
use crate::http::decode::{link as read_link, nothing};
use crate::operations::Operation;
use crate::types::ids::SessionId;
use crate::types::secret::FileUrl;

/// v2 expects the lifetime in seconds; the name of the parameter is inferred from v1.
pub(crate) fn link(session: &SessionId, lifetime: Option<Duration>) -> Wire<FileUrl> {
    Call::v2(Operation::GetRecordingLink, &[session.as_str()])
        .query("expire_time", lifetime.map(|lifetime| lifetime.as_secs()))
        .decode_with(read_link)
}

pub(crate) fn delete(session: &SessionId) -> Wire<()> {
    Call::v2(Operation::DeleteRecording, &[session.as_str()]).decode_with(nothing)
}
