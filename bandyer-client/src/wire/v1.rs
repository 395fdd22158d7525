//! API version 1, under `/rest`. Field names and shapes are those of the v1.37 reference.

pub(crate) mod activity;
pub(crate) mod broadcasts;
pub(crate) mod chats;
pub(crate) mod company;
pub(crate) mod credentials;
pub(crate) mod links;
pub(crate) mod recordings;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod signatures;
pub(crate) mod tags;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod webhooks;
