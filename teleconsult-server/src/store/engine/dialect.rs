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
/// needs no row locks. `before` compares the present time with a moment, which may be NULL: the second parameter is
/// [`Tx::injected_now`](crate::store::tx::Tx), because PostgreSQL uses its own clock. `read_at` adds a column with its time.
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
    ($dialect:expr, $start:literal, before($until:literal, $now:literal) $(, $end:literal)?) => {
        match $dialect {
            $crate::store::engine::dialect::Dialect::Sqlite => {
                concat!($start, "(", $until, " IS NULL OR ", $now, " < ", $until, ")" $(, $end)?)
            }
            $crate::store::engine::dialect::Dialect::Postgres => concat!(
                $start, "(CAST(", $until, " AS BIGINT) IS NULL OR COALESCE(CAST(", $now, " AS BIGINT), ",
                $crate::store::engine::dialect::postgres_now!(), ") < CAST(", $until, " AS BIGINT))" $(, $end)?
            ),
        }
    };
    ($dialect:expr, $start:literal, read_at, $end:literal $(, $lock:literal)?) => {
        match $dialect {
            $crate::store::engine::dialect::Dialect::Sqlite => concat!($start, $end),
            $crate::store::engine::dialect::Dialect::Postgres => {
                concat!($start, ", ", $crate::store::engine::dialect::postgres_now!(), " AS read_at", $end $(, $lock)?)
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

/// PostgreSQL's time in milliseconds. Not `now()`, which is when the transaction began: it may have waited for a lock since.
macro_rules! postgres_now {
    () => {
        "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"
    };
}
pub(in crate::store) use postgres_now;
