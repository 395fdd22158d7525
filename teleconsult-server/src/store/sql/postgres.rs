//! PostgreSQL, for as many instances as there are.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Executor;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

use super::engine::Engine;
use super::{SqlStore, deployment};

/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// What each connection is told. No statement of ours takes seconds unless something is wrong; and an instance that is
/// paused in the middle of a transaction must not keep its locks from the others.
const SETTINGS: &str = "SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
                        SET idle_in_transaction_session_timeout = '10s'";

/// Where the database is. It may hold a password.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The URL, if it is one of PostgreSQL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url: url::Url = text.parse().ok()?;
        let ours = matches!(url.scheme(), "postgres" | "postgresql");
        // The driver reads the rest, and would complain only when it connects.
        let readable = ours && text.parse::<sqlx::postgres::PgConnectOptions>().is_ok();
        readable.then(|| Self(text.to_owned().into()))
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
    /// It cannot be reached, or does not let us in.
    #[error("the database of DATABASE_URL cannot be connected to")]
    Connect(#[source] sqlx::Error),
    /// It cannot be brought up to date.
    #[error("the database of DATABASE_URL cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It cannot be read.
    #[error("the database of DATABASE_URL cannot be read")]
    Read(#[source] sqlx::Error),
}

impl SqlStore {
    /// Connects to PostgreSQL, with this many connections at most.
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
        // The migrator takes a lock of the database, so instances that start together take turns.
        sqlx::migrate!("src/store/migrations/postgres").run(&pool).await.map_err(OpenError::Migrate)?;
        let deployment = deployment(&pool).await.map_err(OpenError::Read)?;
        Ok(Self { engine: Engine::Postgres, readers: pool.clone(), writer: pool, deployment, lock: None })
    }
}
