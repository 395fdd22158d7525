//! Where the database is.

use std::path::PathBuf;

use super::reader::Reader;
use crate::store::engine::postgres::{DatabaseUrl, SchemaName};

/// Where the journal is, and the records unless the CRUD Service keeps them.
#[derive(Debug, Clone)]
pub enum Database {
    /// A folder that only this process uses.
    Folder(PathBuf),
    /// PostgreSQL, for any number of instances.
    Postgres {
        /// The address.
        url: DatabaseUrl,
        /// The schema of the tables.
        schema: SchemaName,
        /// Most connections of one instance.
        connections: u32,
    },
}

/// Below the working directory, where a container mounts its volume.
const DEFAULT_FOLDER: &str = "./data";
/// A schema of its own keeps the tables apart from those of other programs in the same database.
const DEFAULT_SCHEMA: &str = "teleconsult";
/// Transactions are short, so a few connections serve many requests; PostgreSQL accepts 100 by default.
const DEFAULT_CONNECTIONS: u32 = 10;

pub(super) fn read(reader: &mut Reader<'_>) -> Database {
    let connections = reader.count("TELECONSULT_DATABASE_CONNECTIONS", 1..=1000, DEFAULT_CONNECTIONS);
    let folder = reader.text("DATA_DIR").unwrap_or_else(|| DEFAULT_FOLDER.to_owned());
    let name = reader.text("TELECONSULT_DATABASE_SCHEMA").unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
    let schema = SchemaName::parse(&name);
    if schema.is_none() {
        reader.problem(
            "TELECONSULT_DATABASE_SCHEMA",
            "must be at most 63 lower-case letters, digits and underscores, must not begin with a digit or pg_, and must not be \
             information_schema",
        );
    }
    let Some(text) = reader.text("DATABASE_URL") else { return Database::Folder(folder.into()) };
    let url = DatabaseUrl::parse(&text);
    if url.is_none() {
        reader.problem("DATABASE_URL", "must be a URL such as postgres://user:password@host:5432/database");
    }
    match url.zip(schema) {
        Some((url, schema)) => Database::Postgres { url, schema, connections },
        None => Database::Folder(folder.into()),
    }
}
