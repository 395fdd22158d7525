//! What an operator sees.

pub mod logs;
