//! From bytes to a decision and back: routing, reading, answering.

pub mod error;
pub mod input;
pub mod multipart;
pub mod request;
pub mod response;

mod access_log;
mod client_address;
mod pipeline;
mod request_id;

pub use pipeline::answer;
