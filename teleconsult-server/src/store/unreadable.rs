//! Rows that cannot be read.
//!
//! A list is read for many records, so one bad row must not stop the work on the others: it is left out. A request for a
//! single row still gets an error, because without the row the response would be wrong. Both are reported once and counted.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Result;

/// How many rows are remembered. More can only be the work of a program that writes wrong rows; they are reported each time
/// and not counted.
const MAX_REMEMBERED: usize = 1000;

/// The rows that could not be read since the start: table and id.
#[derive(Debug, Default)]
pub(super) struct UnreadableRows(Mutex<HashSet<(&'static str, String)>>);

impl UnreadableRows {
    /// Reads rows of a table whose first column is their id, without those that cannot be read.
    pub(super) async fn leave_out<T>(
        &self,
        table: &'static str,
        mut rows: BoxStream<'_, sqlx::Result<AnyRow>>,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut readable = Vec::new();
        while let Some(row) = rows.next().await {
            let (id, value) = match row {
                Ok(row) => (row.try_get(0).unwrap_or_default(), read(&row)),
                // SQLite stores any bytes as text. The driver says nothing else about such a row.
                Err(error @ sqlx::Error::Decode(_)) => ("unknown".to_owned(), Err(error.into())),
                Err(error) => return Err(error.into()),
            };
            readable.extend(self.note(table, id, value));
        }
        Ok(readable)
    }

    /// Passes on what was read of one row, and takes note of whether it could be read.
    pub(super) fn note<T>(&self, table: &'static str, id: String, value: Result<T>) -> Result<T> {
        let mut known = self.known();
        let key = (table, id);
        match &value {
            Ok(_) => {
                known.remove(&key);
            }
            Err(error) => {
                if !known.contains(&key) {
                    tracing::error!(table, row = key.1, error = %error, "a stored row cannot be read");
                }
                if known.len() < MAX_REMEMBERED {
                    known.insert(key);
                }
            }
        }
        value
    }

    /// How many rows could not be read when they were last looked at.
    pub(super) fn count(&self) -> u64 {
        self.known().len() as u64
    }

    fn known(&self) -> MutexGuard<'_, HashSet<(&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
