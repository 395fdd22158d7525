//! This operation is the same in both API versions.

pub(crate) use crate::credentials::v1::issue;
