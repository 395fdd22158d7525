//! What an operator sees.

pub mod logs;
pub mod metrics;
pub(crate) mod process;
