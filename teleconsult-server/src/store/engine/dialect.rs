//! The differences between SQLite and PostgreSQL.

/// The SQL dialect of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Whether a statement that was prepared once may be used again on the same connection.
    pub(in crate::store) const fn keeps_statements(self) -> bool {
        matches!(self, Self::Sqlite)
    }
}

/// A statement in a dialect. `ids` takes a JSON array of strings as `$1`; `lock` locks the row that is read until the
/// transaction ends; `skip_locked` skips rows that other transactions have locked. SQLite has one writer at a time, so it
/// needs no row locks.
macro_rules! sql {
    ($dialect:expr, $start:literal, ids $(, $end:literal)?) => {
        match $dialect {
            $crate::store::engine::dialect::Dialect::Sqlite => {
                concat!($start, "(SELECT value FROM json_each($1))" $(, $end)?)
            }
            $crate::store::engine::dialect::Dialect::Postgres => {
                concat!($start, "(SELECT json_array_elements_text(CAST($1 AS json)))" $(, $end)?)
            }
        }
    };
    ($dialect:expr, $start:literal, lock) => {
        match $dialect {
            $crate::store::engine::dialect::Dialect::Sqlite => $start,
            $crate::store::engine::dialect::Dialect::Postgres => concat!($start, " FOR UPDATE"),
        }
    };
    ($dialect:expr, $start:literal, skip_locked, $end:literal) => {
        match $dialect {
            $crate::store::engine::dialect::Dialect::Sqlite => concat!($start, $end),
            $crate::store::engine::dialect::Dialect::Postgres => concat!($start, " FOR UPDATE SKIP LOCKED", $end),
        }
    };
}
pub(in crate::store) use sql;
