//! Which database.

use std::path::PathBuf;

use super::env::Variables;
use crate::store::engine::postgres::DatabaseUrl;

/// Where the journal is, and the records unless the CRUD Service keeps them.
#[derive(Debug, Clone)]
pub enum Database {
    /// A folder of this process alone.
    Folder(PathBuf),
    /// PostgreSQL, for any number of instances.
    Postgres {
        /// Where.
        url: DatabaseUrl,
        /// Most connections of one instance.
        connections: u32,
    },
}

pub(super) fn read(vars: &mut Variables<'_>) -> Database {
    let connections = vars.count("TELECONSULT_DATABASE_CONNECTIONS", 1..=1000, 10);
    let folder = vars.text("DATA_DIR").unwrap_or_else(|| "./data".to_owned());
    let Some(text) = vars.text("DATABASE_URL") else { return Database::Folder(folder.into()) };
    match DatabaseUrl::parse(&text) {
        Some(url) => Database::Postgres { url, connections: u32::try_from(connections).unwrap_or(u32::MAX) },
        None => {
            vars.problem("DATABASE_URL", "must be a URL such as postgres://user:password@host:5432/database");
            Database::Folder(folder.into())
        }
    }
}
