//! API version 2, under `/v2`. Paths and request fields are documented. Most response fields are inferred from v1, so
//! decoding is lenient.

pub(crate) mod channels;
pub(crate) mod company;
pub(crate) mod credentials;
pub(crate) mod participants;
pub(crate) mod recordings;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod signatures;
pub(crate) mod tags;
pub(crate) mod transcripts;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod webhooks;
