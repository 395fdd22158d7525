// The examples of the README are doc tests only with the feature `emulator`, which some of them need.
#![cfg_attr(any(not(doctest), feature = "emulator"), doc = include_str!("../README.md"))]
#![warn(missing_docs)]
// On docs.rs, everything shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activity;
pub mod broadcasts;
pub mod channels;
pub mod chats;
mod client;
pub mod company;
mod config;
pub mod credentials;
#[cfg(feature = "emulator")]
pub mod emulator;
mod error;
#[cfg(feature = "webhook-receiver")]
pub mod events;
mod http;
pub mod links;
mod operations;
pub mod recordings;
pub mod rooms;
pub mod sessions;
pub mod signatures;
pub mod tags;
pub mod transcripts;
mod types;
pub mod uploads;
#[cfg(feature = "webhook-receiver")]
pub mod user_details;
pub mod users;
pub mod webhooks;

pub use self::client::{Client, ClientBuilder, V1};
pub use self::config::{ApiKey, ConfigError, Environment, Region};
pub use self::error::{ApiError, Error, ErrorKind, Outcome, Result};
pub use self::http::download::{Download, DownloadReader, DownloadRequest, Resumption, SaveError};
pub use self::http::list::List;
pub use self::http::paging::Items;
pub use self::http::raw::{FormField, RawRequest};
pub use self::http::request::{Request, Response};
pub use self::http::retry::RetryPolicy;
pub use self::http::transport::HttpClientBuilder;
pub use self::operations::Operation;
pub use self::types::api_version::ApiVersion;
pub use self::types::file::{File, InvalidFile};
pub use self::types::ids::{
    BackgroundAlias, BroadcastId, ChannelId, EncryptionKeyId, EnvelopeId, InvalidId, RoomId, SessionId, TemplateId,
    UploadKey, UserId, WebhookId,
};
pub use self::types::open_enum::UnknownValue;
pub use self::types::page::Page;
pub use self::types::secret::{AccessToken, FileUrl, JoinUrl, LinkToken};

/// Internals for the fuzz targets. Compiled only for fuzzing.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    /// Decodes the vendor's description of an error.
    pub fn decode_error(body: &[u8]) -> crate::ApiError {
        crate::http::api_error::decode(body)
    }
}
