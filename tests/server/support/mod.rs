//! Starts a service with an emulator of its own, and speaks to it as a front end would.

pub mod auth_service;
pub mod binary;
pub mod crud_service;
pub mod database;
pub mod output;
pub mod raw;
pub mod service;
pub mod site;
pub mod stand_in;

pub(crate) use service::on_every_platform;
pub use service::{Answer, Service, http_client, in_minutes, person};
