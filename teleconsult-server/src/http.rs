//! A generic HTTP layer: one pipeline from a request's head to its response.
//!
//! It knows no route and no use case. What is served, and under which policy, comes from an [`Application`].

pub mod body;
pub mod error;
pub mod multipart;
pub mod origins;
pub mod policy;
pub mod request;
pub mod response;
pub mod validation;

mod access_log;
mod client_address;
mod pipeline;
mod request_id;

pub(crate) use pipeline::timed_out;
pub use pipeline::{Application, Completed, Pipeline, RequestSettings};
