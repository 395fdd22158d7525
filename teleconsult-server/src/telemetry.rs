//! What an operator sees.

pub mod calls;
pub mod logs;
pub mod metrics;
pub(crate) mod process;
