//! What an operator sees.

pub mod calls;
pub mod logs;
pub mod metrics;
mod process;
