//! PostgreSQL, for any number of instances.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Executor;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

use super::dialect::Dialect;
use super::{Database, deployment};

/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Settings of each connection. Every statement is short, so one that takes seconds is stuck; and an instance that is paused
/// within a transaction must not hold its locks against the others.
const SETTINGS: &str = "SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
                        SET idle_in_transaction_session_timeout = '10s'";

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
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It cannot be read.
    #[error("cannot read the database of DATABASE_URL")]
    Read(#[source] sqlx::Error),
}

impl Database {
    /// Connects to PostgreSQL with at most this many connections.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open_postgres(url: &DatabaseUrl, connections: u32) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = url.0.expose_secret().parse().map_err(OpenError::Connect)?;
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| Box::pin(async move { connection.execute(SETTINGS).await.map(drop) }))
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)?;
        // The migrator takes an advisory lock, so instances that start together migrate one after the other.
        sqlx::migrate!("src/store/migrations/postgres").run(&pool).await.map_err(OpenError::Migrate)?;
        let deployment = deployment(&pool).await.map_err(OpenError::Read)?;
        Ok(Self {
            dialect: Dialect::Postgres,
            readers: pool.clone(),
            writer: pool,
            deployment,
            vendor: "".into(),
            lock: None,
        })
    }
}
