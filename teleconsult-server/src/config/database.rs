//! Where the database is.

use std::path::PathBuf;

use super::reader::Reader;
use crate::store::engine::postgres::DatabaseUrl;

/// Where the journal is, and the records unless the CRUD Service keeps them.
#[derive(Debug, Clone)]
pub enum Database {
    /// A folder that only this process uses.
    Folder(PathBuf),
    /// PostgreSQL, for any number of instances.
    Postgres {
        /// The address.
        url: DatabaseUrl,
        /// Most connections of one instance.
        connections: u32,
    },
}

/// Below the working directory, where a container mounts its volume.
const DEFAULT_FOLDER: &str = "./data";
/// Transactions are short, so a few connections serve many requests; PostgreSQL accepts 100 by default.
const DEFAULT_CONNECTIONS: u32 = 10;

pub(super) fn read(reader: &mut Reader<'_>) -> Database {
    let connections = reader.count("TELECONSULT_DATABASE_CONNECTIONS", 1..=1000, DEFAULT_CONNECTIONS);
    let folder = reader.text("DATA_DIR").unwrap_or_else(|| DEFAULT_FOLDER.to_owned());
    let Some(text) = reader.text("DATABASE_URL") else { return Database::Folder(folder.into()) };
    match DatabaseUrl::parse(&text) {
        Some(url) => Database::Postgres { url, connections },
        None => {
            reader.problem("DATABASE_URL", "must be a URL such as postgres://user:password@host:5432/database");
            Database::Folder(folder.into())
        }
    }
}
