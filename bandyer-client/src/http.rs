//! Sends requests: one attempt over the network, the decision to retry, and the retry loop.

pub(crate) mod api_error;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod decode;
pub(crate) mod download;
pub(crate) mod list;
pub(crate) mod multipart;
pub(crate) mod paging;
pub(crate) mod raw;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod retry_after;
mod span;
pub(crate) mod transport;
