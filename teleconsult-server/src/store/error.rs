//! Why the store could not do something.

#[cfg(feature = "crash-points")]
use crate::base::crash_points::InjectedFailure;
use crate::platform::UpstreamError;

/// The store does not work at the moment (locked, full, read-only, unreachable), or its content cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    what: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Whether PostgreSQL ended the transaction because of a conflict with another one.
    conflict: bool,
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    pub(crate) fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, source: Some(source.into()), conflict: false }
    }

    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self { what, source: None, conflict: false }
    }

    /// Whether the same unit of work may succeed in a new transaction.
    pub(super) const fn is_conflict(&self) -> bool {
        self.conflict
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
            sqlx::Error::Database(error) => format!("database error code {}", error.code().unwrap_or_default()),
            sqlx::Error::PoolTimedOut => "no connection became available in time".to_owned(),
            sqlx::Error::PoolClosed => "the store is closed".to_owned(),
            sqlx::Error::Io(error) => format!("I/O error: {}", error.kind()),
            _ => "the database driver failed".to_owned(),
        };
        let conflict = error.as_database_error().and_then(|error| error.code()).is_some_and(|code| {
            // Serialization failure, deadlock.
            ["40001", "40P01"].contains(&code.as_ref())
        });
        Self { conflict, ..Self::new("the database cannot serve", cause) }
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
