//! From bytes to a decision and back: routing, reading, answering.

pub mod error;
pub mod form;
pub mod input;
pub mod request;
pub mod response;
pub mod router;

mod access_log;
mod client_address;
mod request_id;
mod service;

pub use service::answer;
