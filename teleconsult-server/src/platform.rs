//! The platform's other services: how they are called, and what of a request they are told.

mod call_metrics;
mod client;
mod forwarded;

pub use call_metrics::CallMetrics;
pub use client::{Answer, BaseUrl, PlatformClient, UpstreamError};
pub use forwarded::{Forwarding, current, forwarding};
