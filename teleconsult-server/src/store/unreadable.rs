//! Rows of lists that cannot be read.
//!
//! A list is read for many records, so one bad row must not stop the work on the others. It is left out, reported once, and
//! counted. Whoever asks for a single row still gets an error, because without the row the answer would be wrong.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Result;

/// How many rows are remembered. More can only be the work of a program that writes wrong rows; they are left out too, but
/// reported each time and not counted.
const MAX_REMEMBERED: usize = 1000;

/// The rows that could not be read since the start: table and id.
#[derive(Debug, Default)]
pub(super) struct UnreadableRows(Mutex<HashSet<(&'static str, String)>>);

impl UnreadableRows {
    /// Reads rows of a table whose first column is their id, without those that cannot be read.
    pub(super) fn leave_out<T>(
        &self,
        table: &'static str,
        rows: &[AnyRow],
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Vec<T> {
        let mut known = self.known();
        let readable = rows.iter().filter_map(|row| {
            let key = (table, row.try_get(0).unwrap_or_default());
            match read(row) {
                Ok(value) => {
                    known.remove(&key);
                    Some(value)
                }
                Err(error) => {
                    if !known.contains(&key) {
                        tracing::error!(table, row = key.1, error = %error, "a stored row cannot be read; it is left out");
                    }
                    if known.len() < MAX_REMEMBERED {
                        known.insert(key);
                    }
                    None
                }
            }
        });
        readable.collect()
    }

    /// How many rows could not be read when they were last looked at.
    pub(super) fn count(&self) -> u64 {
        self.known().len() as u64
    }

    fn known(&self) -> MutexGuard<'_, HashSet<(&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
