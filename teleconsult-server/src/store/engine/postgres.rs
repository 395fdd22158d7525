//! PostgreSQL, for any number of instances.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr, SqlStr};

use super::dialect::Dialect;
use super::migration::{MigrationError, migrate};
use super::session::{Readers, Session};
use super::{Database, Deployment, deployment};

/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time-outs of each transaction, in milliseconds. Every statement is short, so one that takes seconds is stuck; and an
/// instance that is paused within a transaction must not hold its locks against the others.
const TIMEOUTS: Timeouts = Timeouts { statement: 5000, lock: 3000, idle: 10_000 };
/// Migrations take as long as they need, and wait for another instance that migrates. One that is paused is ended after a
/// minute, so that the others can start.
const MIGRATION_TIMEOUTS: Timeouts = Timeouts { statement: 0, lock: 0, idle: 60_000 };
/// The advisory lock of migrations: "telecons" as a number, which nothing else in the database uses by chance.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(8387229063763160691)";

struct Timeouts {
    statement: u32,
    lock: u32,
    idle: u32,
}

/// The name of the schema with the tables of this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaName(String);

impl SchemaName {
    /// A name that needs no quoting and is not one of PostgreSQL's own: lower-case letters, digits and underscores, not a
    /// digit first, at most 63 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let good = (1..=63).contains(&text.len())
            && text.bytes().all(plain)
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && !text.starts_with("pg_")
            && text != "information_schema";
        good.then(|| Self(text.to_owned()))
    }

    /// Begins a transaction in this schema. `mode` is empty or `READ ONLY`.
    ///
    /// Each decision is made on rows that are locked or changed first, which needs no more than `READ COMMITTED`; a stricter
    /// default of the database would only end transactions.
    fn begin(&self, mode: &str, timeouts: &Timeouts) -> SqlStr {
        let Timeouts { statement, lock, idle } = timeouts;
        AssertSqlSafe(format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED {mode}; SET LOCAL search_path TO \"{}\", pg_temp; \
             SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}",
            self.0
        ))
        .into_sql_str()
    }
}

/// The address of the database. It may contain a password.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// Parses the URL of a PostgreSQL database.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url: url::Url = text.parse().ok()?;
        let ours = matches!(url.scheme(), "postgres" | "postgresql");
        // The driver parses the rest, and would report a mistake only when it connects.
        let readable = ours && text.parse::<sqlx::postgres::PgConnectOptions>().is_ok();
        readable.then(|| Self(text.to_owned().into()))
    }
}

impl DatabaseUrl {
    /// The server and the name of the database, without user and password.
    #[must_use]
    pub fn place(&self) -> String {
        let options = self.0.expose_secret().parse::<sqlx::postgres::PgConnectOptions>().unwrap_or_default();
        // Without a name, the driver uses the one of the user.
        let name = options.get_database().unwrap_or_else(|| options.get_username());
        format!("{}:{}/{name}", options.get_host(), options.get_port())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl([redacted])")
    }
}

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached, or refuses the connection.
    #[error("cannot connect to the database of DATABASE_URL")]
    Connect(#[source] sqlx::Error),
    /// A migration failed.
    #[error("cannot migrate the database of DATABASE_URL")]
    Migrate(#[from] MigrationError),
}

impl Database {
    /// Connects to PostgreSQL with at most this many connections. The schema is created if it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open_postgres(url: &DatabaseUrl, schema: &SchemaName, connections: u32) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = url.0.expose_secret().parse().map_err(OpenError::Connect)?;
        let connecting = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect());
        let connected = connecting.await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let deployment = prepare(connected.map_err(OpenError::Connect)?, schema).await?;
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // In place of the driver's own test, which a transaction passes that failed while it was begun. The driver does not
            // know of it and never ends it, so every later statement on this connection would fail.
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(sqlx::raw_sql("SELECT 1").execute(connection).await.is_ok()) })
            })
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)?;
        let begin_read = schema.begin("READ ONLY", &TIMEOUTS);
        Ok(Self {
            dialect: Dialect::Postgres,
            begin: schema.begin("", &TIMEOUTS),
            readers: Readers::new(pool.clone(), Dialect::Postgres, Some(begin_read)),
            writer: pool,
            deployment,
            clock: None,
            unreadable: Arc::default(),
            vendor: "".into(),
            lock: None,
        })
    }
}

/// Brings the schema up to date, one instance at a time, and reads the identity of the deployment.
async fn prepare(mut connection: AnyConnection, schema: &SchemaName) -> Result<Deployment, MigrationError> {
    let mut transaction = connection.begin_with(schema.begin("", &MIGRATION_TIMEOUTS)).await?;
    // Of the transaction and not of the session, which a pooler may pass on to another client afterwards.
    sqlx::raw_sql(MIGRATION_LOCK).execute(&mut *transaction).await?;
    // `IF NOT EXISTS` would ask for the right to create schemas even if nothing is to be created.
    let exists = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1")
        .bind(schema.0.as_str())
        .fetch_optional(Session::new(&mut transaction, Dialect::Postgres))
        .await?;
    if exists.is_none() {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA \"{}\"", schema.0))).execute(&mut *transaction).await?;
    }
    migrate(&mut transaction, Dialect::Postgres, &sqlx::migrate!("src/store/migrations/postgres")).await?;
    let deployment = deployment(&mut transaction, Dialect::Postgres).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(deployment)
}

#[cfg(test)]
mod tests {
    use super::SchemaName;

    #[test]
    fn a_schema_name_needs_no_quotes_and_is_not_postgres_own() {
        for good in ["teleconsult", "_x", "public", "a1_2"] {
            assert!(SchemaName::parse(good).is_some(), "{good}");
        }
        let long = "x".repeat(64);
        for bad in ["", "1a", "A", "a-b", "a b", "a\"b", "pg_x", "information_schema", "ä", long.as_str()] {
            assert!(SchemaName::parse(bad).is_none(), "{bad}");
        }
    }
}
