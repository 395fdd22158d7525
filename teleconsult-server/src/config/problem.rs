//! What is wrong with the settings.

use std::fmt;

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub place: String,
    /// What is wrong and what would be right. The value is not in it, because it may be a secret.
    pub message: String,
    /// Where the value comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is not set.
    Unset,
    /// The environment.
    Environment,
    /// The configuration file.
    File {
        /// The file's path.
        path: String,
        /// The place in the file; empty for the whole file.
        key: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("not set"),
            Self::Environment => f.write_str("set in the environment"),
            Self::File { path, key } if key.is_empty() => write!(f, "set in the file {path}"),
            Self::File { path, key } => write!(f, "set in the file {path} at {key}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.message)
    }
}

/// All problems of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s)", .0.len())]
pub struct Problems(pub Vec<Problem>);
