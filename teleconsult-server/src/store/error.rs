//! Why the store could not do something.

#[cfg(feature = "crash-points")]
use crate::base::crash_points::InjectedFailure;
use crate::platform::UpstreamError;

mod codes;

/// The store does not work at the moment (locked, full, read-only, unreachable), or its content cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    what: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    kind: Kind,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The change was not made.
    Failed,
    /// Nor was it, and the same unit of work may succeed in a new transaction.
    Conflict,
    /// The change may have been made nevertheless.
    Ambiguous,
    /// No change can be made now, not by another transaction of this service either.
    NotWritable,
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    pub(crate) fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, source: Some(source.into()), kind: Kind::Failed }
    }

    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self { what, source: None, kind: Kind::Failed }
    }

    /// Whether the same unit of work may succeed in a new transaction.
    pub(super) const fn is_conflict(&self) -> bool {
        matches!(self.kind, Kind::Conflict)
    }

    /// Whether the database accepts no changes now, so that what it returns stays as it is.
    pub(super) const fn is_not_writable(&self) -> bool {
        matches!(self.kind, Kind::NotWritable)
    }

    /// A COMMIT that failed. Only what the database refused is surely not done: without its response, the transaction may be
    /// committed.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        let is_refused = match &error {
            sqlx::Error::Database(error) => error.code().is_some_and(|code| codes::is_definite_refusal(&code)),
            _ => false,
        };
        let refused = Self::from(error);
        if is_refused { refused } else { Self { kind: Kind::Ambiguous, ..refused } }
    }

    /// Whether the change may have been carried out, because the database did not confirm its COMMIT.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self.kind, Kind::Ambiguous)
    }

    /// The platform service that failed, where the store is one.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        self.source.as_ref()?.downcast_ref()
    }
}

impl From<UpstreamError> for StoreError {
    fn from(error: UpstreamError) -> Self {
        Self::new("the CRUD Service does not serve", error)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // The driver's text may hold values. Its kind and the database's code are what an operator needs.
        let cause = match &error {
            sqlx::Error::Database(error) => codes::described(&error.code().unwrap_or_default()),
            sqlx::Error::PoolTimedOut => "no connection became available in time".to_owned(),
            sqlx::Error::PoolClosed => "the store is closed".to_owned(),
            sqlx::Error::Io(error) => format!("I/O error: {}", error.kind()),
            _ => "the database driver failed".to_owned(),
        };
        let code = error.as_database_error().and_then(|error| error.code());
        let kind = match code.as_deref() {
            Some(code) if codes::is_conflict(code) => Kind::Conflict,
            Some(code) if codes::is_not_writable(code) => Kind::NotWritable,
            _ => Kind::Failed,
        };
        Self { kind, ..Self::new("the database cannot serve", cause) }
    }
}

#[cfg(feature = "crash-points")]
impl From<InjectedFailure> for StoreError {
    fn from(_: InjectedFailure) -> Self {
        Self::corrupt("a crash point injected a failure")
    }
}

/// Reaches a crash point: `crash_point!("C5")`. A failure injected there is a failure of the store, returned from the
/// function around it.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "crash-points")]
        $crate::base::crash_points::reach($name).await.map_err($crate::store::StoreError::from)?;
    };
}
pub(crate) use crash_point;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::StoreError;

    #[derive(Debug)]
    struct Refused(&'static str);

    impl fmt::Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("canary")
        }
    }

    impl std::error::Error for Refused {}

    impl DatabaseError for Refused {
        fn message(&self) -> &str {
            "canary"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn refused(code: &'static str) -> sqlx::Error {
        sqlx::Error::Database(Box::new(Refused(code)))
    }

    #[test]
    fn only_a_commit_without_a_definite_refusal_is_ambiguous() {
        for code in ["5", "13", "2067", "40001", "23505", "53100"] {
            assert!(!StoreError::of_commit(refused(code)).is_ambiguous(), "{code}");
        }
        for code in ["10", "1034", "57P01", "08006", "40003", "XX000"] {
            assert!(StoreError::of_commit(refused(code)).is_ambiguous(), "{code}");
            assert!(!StoreError::from(refused(code)).is_ambiguous(), "{code}: before COMMIT");
        }
        let closed = || sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert!(StoreError::of_commit(closed()).is_ambiguous());
        assert!(StoreError::of_commit(sqlx::Error::WorkerCrashed).is_ambiguous());
        assert!(!StoreError::from(closed()).is_ambiguous());
    }

    #[test]
    fn an_error_says_what_is_wrong_without_the_drivers_text() {
        let text = crate::base::error_chain::chain(&StoreError::from(refused("517")));
        assert_eq!(text, "the database cannot serve: it is locked by another writer (code 517)");
    }
}
