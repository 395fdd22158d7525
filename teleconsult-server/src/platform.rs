//! The platform's other services: how they are called, and what of a request they are told.

pub mod call_metrics;
mod client;
mod forwarded;

pub use client::{Answer, BaseUrl, PlatformClient, UpstreamError};
pub use forwarded::{Forwarding, current, forwarding};
