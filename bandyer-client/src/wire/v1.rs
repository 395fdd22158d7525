//! Generation 1, under `/rest`. Field names and shapes are those of the v1.37 reference.

pub(crate) mod credentials;
pub(crate) mod rooms;
pub(crate) mod users;
