//! This operation is the same in both API versions.

pub(crate) use crate::wire::v1::credentials::issue;
