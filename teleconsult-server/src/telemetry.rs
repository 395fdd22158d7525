//! What an operator sees: log lines and metrics. Owners register their own metrics; nothing here knows them.

pub mod logs;
pub(crate) mod process;
pub mod registry;
pub mod requests;
