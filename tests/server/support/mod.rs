//! Starts servers in a complete environment, and sends requests as a front end does.

pub mod auth_service;
pub mod binary;
pub mod clock;
pub mod crud_service;
pub mod database;
pub mod environment;
pub mod output;
pub mod raw;
pub mod service;
pub mod site;
pub mod stand_in;

pub use environment::Setup;
pub use service::{Response, Service, http_client, in_minutes, person};
pub(crate) use service::{on_both_versions, on_every_platform};
