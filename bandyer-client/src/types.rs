//! Types that all resources share.

pub(crate) mod api_version;
pub(crate) mod file;
pub(crate) mod ids;
pub(crate) mod model;
pub(crate) mod open_enum;
pub(crate) mod page;
pub(crate) mod secret;
