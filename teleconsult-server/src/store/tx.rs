//! The statements, grouped by entity.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::{Any, Transaction};

use super::engine::Database;
use super::engine::dialect::{Dialect, postgres_now};
use super::engine::session::{Readers, Session};
use super::unreadable::UnreadableRows;
use super::{Result, StoreError};
use crate::base::clock::Clock;

mod documents;
mod evidence;
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
    clock: Option<Clock>,
    unreadable: Arc<UnreadableRows>,
    vendor: Arc<str>,
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Any>, database: &Database) -> Self {
        let (clock, unreadable) = (database.clock.clone(), Arc::clone(&database.unreadable));
        Self { inner, dialect: database.dialect, clock, unreadable, vendor: Arc::clone(&database.vendor) }
    }

    /// The vendor that is called. What belongs to another one waits.
    fn vendor(&self) -> Arc<str> {
        Arc::clone(&self.vendor)
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.inner.commit().await.map_err(StoreError::of_commit)
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

    /// The present time by the clock that all users of this database share.
    pub async fn now(&mut self) -> Result<Timestamp> {
        match &self.clock {
            Some(clock) => Ok(clock.now()),
            None => values::moment(sqlx::query_scalar(SERVER_TIME).fetch_one(self.connection()).await?),
        }
    }

    /// For statements that compare with the present time: milliseconds, or NULL if the database uses its own clock.
    fn injected_now(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| values::millis(clock.now()))
    }

    /// This long after the present.
    async fn now_plus(&mut self, wait: SignedDuration) -> Result<Timestamp> {
        Ok(self.now().await?.saturating_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// The present, when a lease that begins now ends, and the moment after which no valid lease ends: a lease that ends
    /// later began before the clock was set back. Twice the lease, because clocks are also set back by a moment, and a
    /// holder must not lose its attempt to that.
    async fn lease(&mut self, lease: SignedDuration) -> Result<(Timestamp, Timestamp, Timestamp)> {
        let now = self.now().await?;
        let after = |wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        Ok((now, after(lease), after(lease * 2)))
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
    clock: Option<&'a Clock>,
    unreadable: &'a UnreadableRows,
    /// As for [`Tx`].
    vendor: &'a str,
}

impl<'a> Read<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        Self {
            pool: &database.readers,
            dialect: database.dialect,
            clock: database.clock.as_ref(),
            unreadable: &database.unreadable,
            vendor: &database.vendor,
        }
    }

    /// The present time by the clock that all users of this database share.
    pub async fn now(self) -> Result<Timestamp> {
        match self.clock {
            Some(clock) => Ok(clock.now()),
            None => values::moment(sqlx::query_scalar(SERVER_TIME).fetch_one(self.pool).await?),
        }
    }

    pub(super) async fn ping(self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.pool).await?;
        Ok(())
    }
}

/// Only for PostgreSQL.
const SERVER_TIME: &str = concat!("SELECT ", postgres_now!());

/// Strings as one parameter, so that one prepared statement serves any number of them.
fn json_array(values: &[impl Serialize]) -> Result<String> {
    serde_json::to_string(values).map_err(|error| StoreError::new("cannot encode ids", error))
}
