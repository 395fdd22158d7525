//! SQLite in one file under `DATA_DIR`, used by a single process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Connection, Executor, SqlSafeStr};

use super::dialect::Dialect;
use super::session::Readers;
use super::{Database, Deployment, deployment, migration};
use crate::base::clock::Clock;
use crate::store::StoreError;

/// Read connections beside the single writer. SQLite reads are short; more connections would compete for the same cores.
const READERS: u32 = 4;
/// How long a request waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Settings of each connection. The process is the only one with access, so only a backup tool can hold a lock: wait two
/// seconds for it. Acknowledged data must survive a power cut, not only a crash of the process: `synchronous = FULL`.
const PRAGMAS: &str = "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
/// Begins a transaction that writes. A deferred one that reads first could not be upgraded while another connection holds the
/// write lock.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// The characters of a path that need no encoding inside a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// The database in its folder.
const DATABASE_FILE: &str = "teleconsult.sqlite3";
/// The files of the database.
const FILES: [&str; 3] = [DATABASE_FILE, "teleconsult.sqlite3-wal", "teleconsult.sqlite3-shm"];

/// Why the embedded database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be created or written to.
    #[error("DATA_DIR {path:?} cannot be used")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("DATA_DIR {0:?} is in use by another process; the embedded store serves a single process")]
    InUse(PathBuf),
    /// The database cannot be opened or brought up to date.
    #[error("the database in DATA_DIR {path:?} cannot be opened")]
    Database {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An exclusive lock on the folder. The system releases it even after `kill -9`.
pub(in crate::store) struct Lock(File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
        make_private_folder(folder).map_err(failed)?;
        let file = private_file(&folder.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Releases the lock before this value is dropped.
    pub(super) fn release(&self) {
        if let Err(error) = self.0.unlock() {
            // The system releases it when the process ends.
            tracing::debug!(error = %error, "cannot release the lock of the store");
        }
    }
}

impl Database {
    /// Opens the embedded database in a folder, which is created if needed.
    ///
    /// # Errors
    ///
    /// [`OpenError`], if the folder or the database cannot be used, or another process uses them.
    pub async fn open_sqlite(folder: &Path, clock: Clock) -> Result<Self, OpenError> {
        let lock = Lock::take(folder)?;
        let database =
            |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database { path: folder.to_owned(), source };
        let file = folder
            .canonicalize()
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?
            .join(DATABASE_FILE);
        for name in FILES {
            let path = folder.join(name);
            // SQLite gives the other files the permissions of the database; they may be there from an earlier version.
            if name == DATABASE_FILE || path.exists() {
                private_file(&path).map_err(|error| database(error.into()))?;
            }
        }
        warn_if_shared(folder);
        sqlx::any::install_default_drivers();
        try_open(&file).await.map_err(|error| database(error.into()))?;
        // One connection: SQLite has one writer at a time, and queueing in the pool is cheaper than polling the lock.
        let writer = pool(1, &file, "rwc").await.map_err(|error| database(error.into()))?;
        let deployment = prepare(&writer).await.map_err(|error| database(error.into()))?;
        let readers = pool(READERS, &file, "ro").await.map_err(|error| database(error.into()))?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            writer,
            begin: BEGIN.into_sql_str(),
            readers: Readers::new(readers, Dialect::Sqlite, None),
            deployment,
            clock: Some(clock),
            unreadable: Arc::default(),
            vendor: "".into(),
            lock: Some(lock),
        })
    }
}

/// Brings the schema up to date and reads the identity of the deployment.
async fn prepare(writer: &AnyPool) -> Result<Deployment, migration::MigrationError> {
    let mut transaction = writer.begin_with(BEGIN).await?;
    migration::migrate(&mut transaction, Dialect::Sqlite, &sqlx::migrate!("src/store/migrations/sqlite")).await?;
    let deployment = deployment(&mut transaction, Dialect::Sqlite).await?;
    transaction.commit().await?;
    Ok(deployment)
}

/// Opens the file once, or creates it. A pool would repeat what fails until its time-out, and report that.
async fn try_open(file: &Path) -> Result<(), StoreError> {
    let mut connection = options(file, "rwc")?.connect().await?;
    connection.execute(PRAGMAS).await?;
    Ok(connection.close().await?)
}

fn options(file: &Path, mode: &str) -> Result<AnyConnectOptions, sqlx::Error> {
    let path = percent_encode(file.as_os_str().as_encoded_bytes(), PATH);
    format!("sqlite://{path}?mode={mode}").parse()
}

async fn pool(connections: u32, file: &Path, mode: &str) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // It is a file, so a connection cannot have been closed by the other side.
        .test_before_acquire(false)
        // SQLite ends a transaction by itself if it cannot write, and the driver's rollback then fails. The driver would
        // treat every later statement on this connection as part of that transaction.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .after_connect(|connection, _| Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) }))
        .connect_with(options(file, mode)?)
        .await
}

/// Opens a file for this user alone, whatever the umask of the process, and creates it if needed: it holds names and links.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // On a volume that others have used before, a file may belong to another user. It can be used nevertheless.
    #[cfg(unix)]
    if let Err(error) = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)) {
        tracing::warn!(file = ?path.file_name(), %error, "a file of the database may be readable by other users");
    }
    Ok(file)
}

/// A folder that was there before keeps its permissions.
fn warn_if_shared(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(mode = format!("{:o}", mode & 0o777), "DATA_DIR can be read by other users of the machine");
        }
    }
}

/// The database holds access links, so a new folder is readable by its owner alone. An existing one keeps its mode.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Clock, DATABASE_FILE, Database};

    #[tokio::test]
    async fn no_other_user_can_read_the_files_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        // As an earlier version left it, with the usual umask.
        std::fs::write(folder.path().join(DATABASE_FILE), "").unwrap();
        let shared = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(folder.path().join(DATABASE_FILE), shared).unwrap();
        let _database = Database::open_sqlite(folder.path(), Clock::system()).await.unwrap();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        assert_eq!(names, ["lock", DATABASE_FILE, "teleconsult.sqlite3-shm", "teleconsult.sqlite3-wal"]);
    }
}
