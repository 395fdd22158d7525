#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod client;
mod config;
pub mod credentials;
#[cfg(feature = "emulator")]
pub mod emulator;
mod error;
mod http;
mod model;
pub mod rooms;
#[cfg(feature = "webhook")]
pub mod user_details;
pub mod users;
#[cfg(feature = "webhook")]
pub mod webhook;
mod wire;

pub use self::client::Client;
pub use self::config::{ApiKey, ApiVersion, ClientBuilder, ConfigError, Environment, Region};
pub use self::error::{ApiError, Error, ErrorKind, Outcome, Result};
pub use self::http::raw::RawRequest;
pub use self::http::request::{Request, Response};
pub use self::http::retry::RetryPolicy;
pub use self::http::transport::HttpClient;
pub use self::model::ids::{BroadcastId, InvalidId, RoomId, SessionId, UserId};
pub use self::model::open_enum::UnknownValue;
pub use self::model::page::Page;
pub use self::model::secret::{AccessToken, JoinUrl};
