//! The statements, grouped by entity.

use std::sync::Arc;

use serde::Serialize;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};

use super::engine::dialect::Dialect;
use super::{Result, StoreError};

mod evidence;
mod jobs;
mod keys;
mod participants;
mod records;
mod rooms;
mod users;
mod values;

/// A transaction that writes.
pub struct Tx {
    inner: Transaction<'static, Any>,
    dialect: Dialect,
    vendor: Arc<str>,
}

impl Tx {
    pub(super) const fn new(inner: Transaction<'static, Any>, dialect: Dialect, vendor: Arc<str>) -> Self {
        Self { inner, dialect, vendor }
    }

    /// The vendor that is called. What belongs to another one waits.
    fn vendor(&self) -> Arc<str> {
        Arc::clone(&self.vendor)
    }

    pub(super) async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
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
    pool: &'a AnyPool,
    dialect: Dialect,
    /// As for [`Tx`].
    vendor: &'a str,
}

impl<'a> Read<'a> {
    pub(super) const fn new(pool: &'a AnyPool, dialect: Dialect, vendor: &'a str) -> Self {
        Self { pool, dialect, vendor }
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
