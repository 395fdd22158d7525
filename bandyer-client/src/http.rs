//! How a request travels: one try, the decision to try again, and the loop around both.

pub(crate) mod api_error;
pub(crate) mod download;
pub(crate) mod list;
pub(crate) mod paging;
pub(crate) mod raw;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod retry_after;
mod span;
pub(crate) mod transport;
