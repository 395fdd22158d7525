//! Small building blocks without knowledge of the product. They depend on nothing else of this crate.

pub mod backoff;
pub mod clock;
pub(crate) mod crash_points;
pub mod deadline;
pub mod error_chain;
pub(crate) mod keyed_mutex;
pub mod networks;
pub(crate) mod panics;
pub mod steadiness;
pub(crate) mod ttl_cache;
