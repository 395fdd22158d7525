//! The statements, grouped by entity.

use std::sync::Arc;

use serde::Serialize;
use sqlx::{Any, Transaction};

use super::engine::dialect::Dialect;
use super::engine::session::{Readers, Session};
use super::unreadable::UnreadableRows;
use super::{Result, StoreError};

mod jobs;
mod keys;
mod participants;
mod records;
mod retention;
mod rooms;
mod users;
mod values;

/// A transaction that writes.
pub struct Tx {
    inner: Transaction<'static, Any>,
    dialect: Dialect,
    unreadable: Arc<UnreadableRows>,
}

impl Tx {
    pub(super) const fn new(
        inner: Transaction<'static, Any>,
        dialect: Dialect,
        unreadable: Arc<UnreadableRows>,
    ) -> Self {
        Self { inner, dialect, unreadable }
    }

    pub(super) async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    fn connection(&mut self) -> Session<'_> {
        Session::new(&mut self.inner, self.dialect)
    }

    /// Runs a statement that only tests need, with a number and a text.
    #[cfg(test)]
    pub(super) async fn execute(&mut self, statement: &'static str, number: i64, text: &str) -> Result<()> {
        sqlx::query(statement).bind(number).bind(text).execute(self.connection()).await?;
        Ok(())
    }

    /// Writes without changing anything.
    pub(super) async fn touch_deployment(&mut self) -> Result<()> {
        sqlx::query("UPDATE deployment SET only_row = 1").execute(self.connection()).await?;
        Ok(())
    }
}

/// Reads outside of a transaction. Each statement sees everything that was committed before it.
#[derive(Clone, Copy)]
pub struct Read<'a> {
    pool: &'a Readers,
    dialect: Dialect,
    unreadable: &'a UnreadableRows,
}

impl<'a> Read<'a> {
    pub(super) const fn new(pool: &'a Readers, dialect: Dialect, unreadable: &'a UnreadableRows) -> Self {
        Self { pool, dialect, unreadable }
    }

    pub(super) async fn ping(self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.pool).await?;
        Ok(())
    }
}

/// Strings as one parameter, so that one prepared statement serves any number of them.
fn json_array(values: &[impl Serialize]) -> Result<String> {
    serde_json::to_string(values).map_err(|error| StoreError::new("cannot encode ids", error))
}
