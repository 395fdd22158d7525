use http::Method;

use crate::http::call::{Call, Wire};
use crate::http::decode::nothing;
use crate::types::ids::SessionId;

fn call(method: Method, session: &SessionId, file: &str) -> Call {
    Call::new(method, &["sessions", session.as_str(), file])
}

pub(crate) fn transcription(session: &SessionId) -> Call {
    call(Method::GET, session, "transcription")
}

pub(crate) fn delete_transcription(session: &SessionId) -> Wire<()> {
    call(Method::DELETE, session, "transcription").decode_with(nothing)
}

pub(crate) fn summarization(session: &SessionId) -> Call {
    call(Method::GET, session, "summarization")
}

pub(crate) fn delete_summarization(session: &SessionId) -> Wire<()> {
    call(Method::DELETE, session, "summarization").decode_with(nothing)
}
