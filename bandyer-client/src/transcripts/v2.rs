use crate::http::call::{Call, Wire};
use crate::http::decode::nothing;
use crate::operations::Operation;
use crate::types::ids::SessionId;

pub(crate) fn transcription(session: &SessionId) -> Call {
    Call::v2(Operation::GetTranscription, &[session.as_str()])
}

pub(crate) fn delete_transcription(session: &SessionId) -> Wire<()> {
    Call::v2(Operation::DeleteTranscription, &[session.as_str()]).decode_with(nothing)
}

pub(crate) fn summarization(session: &SessionId) -> Call {
    Call::v2(Operation::GetSummarization, &[session.as_str()])
}

pub(crate) fn delete_summarization(session: &SessionId) -> Wire<()> {
    Call::v2(Operation::DeleteSummarization, &[session.as_str()]).decode_with(nothing)
}
