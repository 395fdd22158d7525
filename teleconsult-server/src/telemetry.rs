//! What an operator sees.

pub mod logs;
pub mod metrics;
mod process;
