//! What SQLite and PostgreSQL do not have in common.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Begins a transaction that writes.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            // A transaction that reads first could not become a writer while another one holds the lock.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

/// A statement in the words of an engine: `ids` takes a JSON array of texts as `$1`, which ends the statement unless more
/// of it follows, `lock` keeps the row that is read
/// for this transaction, and `skip_locked` passes over rows that others keep. SQLite has one writer at a time, who need
/// not lock anything.
macro_rules! sql {
    ($engine:expr, $start:literal, ids $(, $end:literal)?) => {
        match $engine {
            $crate::store::sql::engine::Engine::Sqlite => {
                concat!($start, "(SELECT value FROM json_each($1))" $(, $end)?)
            }
            $crate::store::sql::engine::Engine::Postgres => {
                concat!($start, "(SELECT json_array_elements_text(CAST($1 AS json)))" $(, $end)?)
            }
        }
    };
    ($engine:expr, $start:literal, lock) => {
        match $engine {
            $crate::store::sql::engine::Engine::Sqlite => $start,
            $crate::store::sql::engine::Engine::Postgres => concat!($start, " FOR UPDATE"),
        }
    };
    ($engine:expr, $start:literal, skip_locked, $end:literal) => {
        match $engine {
            $crate::store::sql::engine::Engine::Sqlite => concat!($start, $end),
            $crate::store::sql::engine::Engine::Postgres => concat!($start, " FOR UPDATE SKIP LOCKED", $end),
        }
    };
}
pub(super) use sql;
