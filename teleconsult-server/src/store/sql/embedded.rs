//! SQLite in one file under `DATA_DIR`, used by one process alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, Connection, Executor};

use super::engine::Engine;
use super::{SqlStore, deployment};

/// Readers beside the one writer. SQLite reads are short; more would only wait for the same cores.
const READERS: u32 = 4;
/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// What each connection is told. Only a backup tool can hold a lock, since the process is alone: two seconds of
/// patience. What was acknowledged must survive a power cut, not only a crash of the process: `synchronous = FULL`.
const PRAGMAS: &str = "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
/// What a path keeps as it is inside a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// Why the embedded store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written to.
    #[error("DATA_DIR {path:?} cannot be used")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds it.
    #[error("DATA_DIR {0:?} is in use by another process; the embedded store serves one process alone")]
    InUse(PathBuf),
    /// The database cannot be opened or brought up to date.
    #[error("the database in DATA_DIR {path:?} cannot be opened")]
    Database {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Keeps other processes out for as long as it lives; the system gives it back even after `kill -9`.
pub(super) struct Lock(File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
        make_private_folder(folder).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Lets others in, whoever still holds this value.
    pub(super) fn release(&self) {
        if let Err(error) = self.0.unlock() {
            // The system does it when the process ends.
            tracing::debug!(error = %error, "the store's lock was not given back");
        }
    }
}

impl SqlStore {
    /// Opens the embedded store in a folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// [`OpenError`], when the folder or the database cannot be used or another process uses them.
    pub async fn open_embedded(folder: &Path) -> Result<Self, OpenError> {
        let lock = Lock::take(folder)?;
        let database =
            |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database { path: folder.to_owned(), source };
        let file = folder
            .canonicalize()
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?
            .join("teleconsult.sqlite3");
        sqlx::any::install_default_drivers();
        // One connection: SQLite has one writer at a time, and queueing here is cheaper than polling its lock.
        let writer = pool(1, &file, "rwc").await.map_err(|error| database(error.into()))?;
        sqlx::migrate!("src/store/migrations/sqlite").run(&writer).await.map_err(|error| database(error.into()))?;
        let deployment = deployment(&writer).await.map_err(|error| database(error.into()))?;
        let readers = pool(READERS, &file, "ro").await.map_err(|error| database(error.into()))?;
        Ok(Self { engine: Engine::Sqlite, writer, readers, deployment, lock: Some(lock) })
    }
}

async fn pool(connections: u32, file: &Path, mode: &str) -> Result<AnyPool, sqlx::Error> {
    let path = percent_encode(file.as_os_str().as_encoded_bytes(), PATH);
    let options: AnyConnectOptions = format!("sqlite://{path}?mode={mode}").parse()?;
    AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // It is a file in this process: there is nobody who could have hung up.
        .test_before_acquire(false)
        // SQLite ends a transaction by itself when it cannot write, and then there is nothing that the driver could roll
        // back: it would take everything that follows on this connection for a part of that transaction, for ever.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .after_connect(|connection, _| Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) }))
        .connect_with(options)
        .await
}

/// Links are in there: a folder that is made here is for its owner alone. One that exists is left as the operator made it.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
