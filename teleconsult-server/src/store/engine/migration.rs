//! Brings the schema of a database up to date.
//!
//! Everything happens in the transaction of the caller, so a migration is applied as a whole, and the lock that keeps two
//! instances apart ends with it. The driver's own migrator is not used: its lock belongs to a session, which a pooler in
//! transaction mode passes on to another client, and it refuses every schema that is newer than the program.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use sqlx::migrate::{Migration, Migrator};
use sqlx::{AnyConnection, Row};

use super::dialect::Dialect;
use super::session::Session;

/// What was applied. Created here and not by a migration, because the first one needs it.
pub(in crate::store) const CREATE_LIST: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
                           (version BIGINT PRIMARY KEY, checksum TEXT NOT NULL, applied_by TEXT NOT NULL)";
/// The version of this program.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Why the schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A newer version has changed the schema in a way that this one cannot work with.
    #[error(
        "the database was written by a newer version: {program} has brought its schema to {schema}, and this version knows \
         {known}"
    )]
    Newer {
        /// The version of the program that applied the newest migration.
        program: String,
        /// The newest migration of the database.
        schema: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// A migration is not the one that was applied: the database belongs to a build that was never released.
    #[error("migration {0} of the database is not the one of this version")]
    Changed(i64),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A migration that was applied.
struct Applied {
    version: i64,
    checksum: String,
    program: String,
}

/// Applies the missing migrations, inside a transaction.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrator: &Migrator,
) -> Result<(), MigrationError> {
    sqlx::raw_sql(CREATE_LIST).execute(&mut *connection).await?;
    let applied = applied(connection, dialect).await?;
    let known: Vec<&Migration> = migrator.iter().collect();
    let usable_since = if applied.is_empty() { 0 } else { usable_since(connection, dialect).await? };
    for migration in missing(&known, &applied, usable_since)? {
        sqlx::raw_sql(migration.sql.clone()).execute(&mut *connection).await?;
        sqlx::query("INSERT INTO schema_migrations (version, checksum, applied_by) VALUES ($1, $2, $3)")
            .bind(migration.version)
            .bind(HEXLOWER.encode(&migration.checksum))
            .bind(PROGRAM)
            .execute(Session::new(connection, dialect))
            .await?;
    }
    Ok(())
}

async fn applied(connection: &mut AnyConnection, dialect: Dialect) -> Result<Vec<Applied>, sqlx::Error> {
    let list = sqlx::query("SELECT version, checksum, applied_by FROM schema_migrations ORDER BY version");
    let rows = list.fetch_all(Session::new(connection, dialect)).await?;
    let applied = |row: &sqlx::any::AnyRow| {
        Ok(Applied { version: row.try_get(0)?, checksum: row.try_get(1)?, program: row.try_get(2)? })
    };
    rows.iter().map(applied).collect()
}

/// The oldest migration whose program can use the schema.
async fn usable_since(connection: &mut AnyConnection, dialect: Dialect) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT usable_since FROM schema_support").fetch_one(Session::new(connection, dialect)).await
}

/// The migrations to apply, oldest first.
fn missing<'m>(
    known: &[&'m Migration],
    applied: &[Applied],
    usable_since: i64,
) -> Result<Vec<&'m Migration>, MigrationError> {
    let newest_known = known.last().map_or(0, |migration| migration.version);
    if let Some(newest) = applied.last().filter(|newest| newest.version > newest_known && usable_since > newest_known) {
        let program = newest.program.clone();
        return Err(MigrationError::Newer { program, schema: newest.version, known: newest_known });
    }
    let checksums: HashMap<i64, &str> = applied.iter().map(|one| (one.version, one.checksum.as_str())).collect();
    let mut missing = Vec::new();
    for migration in known {
        match checksums.get(&migration.version) {
            None => missing.push(*migration),
            Some(checksum) if *checksum == HEXLOWER.encode(&migration.checksum) => {}
            Some(_) => return Err(MigrationError::Changed(migration.version)),
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration, MigrationType};

    use super::{Applied, missing};

    fn known(version: i64) -> Migration {
        let sql = "SELECT 1".into_sql_str();
        Migration::new(version, "".into(), MigrationType::Simple, sql, false)
    }

    fn applied(version: i64, program: &str) -> Applied {
        Applied { version, checksum: HEXLOWER.encode(&known(version).checksum), program: program.into() }
    }

    /// The versions that a program with two migrations applies, or what it says.
    fn outcome(applied: &[Applied], usable_since: i64) -> Result<Vec<i64>, String> {
        let (first, second) = (known(1), known(2));
        missing(&[&first, &second], applied, usable_since)
            .map(|missing| missing.iter().map(|migration| migration.version).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_missing_migrations_are_applied_in_order() {
        assert_eq!(outcome(&[], 0), Ok(vec![1, 2]));
        assert_eq!(outcome(&[applied(1, "1.0.0")], 1), Ok(vec![2]));
        assert_eq!(outcome(&[applied(1, "1.0.0"), applied(2, "1.1.0")], 1), Ok(vec![]));
    }

    #[test]
    fn a_newer_schema_serves_unless_it_took_something_away() {
        let newer = [applied(1, "1.0.0"), applied(2, "1.1.0"), applied(7, "1.6.0")];
        assert_eq!(outcome(&newer, 2), Ok(vec![]));
        let refused = outcome(&newer, 3).unwrap_err();
        assert_eq!(
            refused,
            "the database was written by a newer version: 1.6.0 has brought its schema to 7, and this version knows 2"
        );
    }

    #[test]
    fn a_migration_that_changed_after_it_was_applied_is_refused() {
        let other = Applied { checksum: "00".into(), ..applied(1, "1.0.0") };
        assert_eq!(outcome(&[other], 1).unwrap_err(), "migration 1 of the database is not the one of this version");
    }
}
