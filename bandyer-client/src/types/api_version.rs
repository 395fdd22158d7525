//! The version of the API.

use std::fmt;

/// A version of the vendor's API. This crate covers both with the same types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// The first version, under `/rest`.
    V1,
    /// The current version, under `/v2`.
    V2,
}

impl ApiVersion {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    pub(crate) const fn path_prefix(self) -> &'static str {
        match self {
            Self::V1 => "rest",
            Self::V2 => "v2",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A badge in the documentation of what v1 alone has.
macro_rules! v1_only {
    () => {
        "<span class=\"stab portability\" title=\"Version 2 of the API does not have it\">v1 only</span>"
    };
}
pub(crate) use v1_only;

/// A badge in the documentation of what v2 alone has.
macro_rules! v2_only {
    () => {
        "<span class=\"stab portability\" title=\"Version 1 of the API does not have it\">v2 only</span>"
    };
}
pub(crate) use v2_only;
