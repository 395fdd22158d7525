//! The platform's other services: how they are called, and which headers of a request are forwarded to them.

mod call_metrics;
mod client;
mod forwarded;

pub use call_metrics::CallMetrics;
pub use client::{BaseUrl, CALL_TIMEOUT, PlatformClient, PlatformResponse, UpstreamError};
pub use forwarded::{Forwarding, current, forwarding};
