//! Generation 2, under `/v2`. Paths and inputs are documented; most answer fields are inferred from v1, so reading is lenient.

pub(crate) mod credentials;
pub(crate) mod participants;
pub(crate) mod rooms;
pub(crate) mod users;
