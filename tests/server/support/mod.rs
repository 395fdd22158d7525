//! Starts a service with an emulator of its own, and speaks to it as a front end would.

pub mod binary;
pub mod raw;
pub mod service;

pub(crate) use service::on_both_generations;
pub use service::{Answer, Service, http_client, in_minutes, person};
