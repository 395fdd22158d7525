//! The contract of this operation did not change between the generations.

pub(crate) use crate::wire::v1::credentials::issue;
