//! Databases that other versions wrote: older ones, as fixtures, and newer ones.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Column, ConnectOptions};

use super::*;
use crate::store::journal::{DocumentWrite, WriteKind};

/// As a newer version leaves the database after a migration that this one does not know.
async fn migrate_further(store: &TestStore, usable_since: i64) {
    let digest = "00";
    write!(store, |tx| tx.execute(
        "INSERT INTO schema_migrations (version, checksum, applied_by) VALUES ($1, $2, '9.8.7') ON CONFLICT DO NOTHING",
        9999,
        digest
    ))
    .unwrap();
    write!(store, |tx| tx.execute("UPDATE schema_support SET usable_since = $1 WHERE $2 <> ''", usable_since, digest))
        .unwrap();
    store.database.close().await;
}

const NEWER: &str = "the database was written by a newer version: 9.8.7 has brought its schema to 9999";

#[tokio::test]
async fn a_newer_schema_in_a_file_serves_unless_it_took_something_away() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || Database::open_sqlite(folder.path(), Clock::system()).await;
    migrate_further(&TestStore::new(open().await.unwrap()), 1).await;
    let store = TestStore::new(open().await.expect("the newer version only added something"));
    with_record(&store, "r1").await;
    migrate_further(&store, 9999).await;
    let refused = crate::base::error_chain::chain(&open().await.err().expect("it took something away")).to_string();
    assert!(refused.contains(NEWER), "{refused}");
}

#[tokio::test]
async fn a_newer_schema_in_postgres_serves_unless_it_took_something_away() {
    let url = postgres_database().await;
    migrate_further(&TestStore::new(open_postgres(&url).await.unwrap()), 1).await;
    let store = TestStore::new(open_postgres(&url).await.expect("the newer version only added something"));
    with_record(&store, "r1").await;
    migrate_further(&store, 9999).await;
    let refused = open_postgres(&url).await.err().expect("it took something away");
    let refused = crate::base::error_chain::chain(&refused).to_string();
    assert!(refused.contains(NEWER), "{refused}");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store").join(name)
}

/// The files of a folder by name, oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// `0007` of the newest migration.
fn newest_migration() -> String {
    let newest = files(&folder("migrations/sqlite")).pop().unwrap();
    newest.file_name().unwrap().to_str().unwrap()[..4].to_owned()
}

/// The fixtures of a database, oldest first. With `TELECONSULT_WRITE_FIXTURES`, that of the present schema is written first.
async fn fixtures(dialect: Dialect, store: TestStore) -> Vec<String> {
    let name = if dialect == Dialect::Sqlite { "sqlite" } else { "postgres" };
    let newest = folder("fixtures").join(name).join(format!("{}.sql", newest_migration()));
    if std::env::var_os("TELECONSULT_WRITE_FIXTURES").is_some() {
        fill(&store).await;
        fs::create_dir_all(newest.parent().unwrap()).unwrap();
        fs::write(&newest, dump(&store, &folder("migrations").join(name)).await).unwrap();
    }
    assert!(newest.is_file(), "no fixture of the present schema; tests/README.md says how to write one");
    files(newest.parent().unwrap()).iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// A row or more in each table.
async fn fill(store: &TestStore) {
    with_record(store, "r1").await;
    assert_eq!(store.begin(&new_attempt("open", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
    assert_eq!(store.begin(&new_attempt("lost", 1), Base::New).await, Cas::Applied(Base::New));
    store.resolve(&attempt("lost", 1), AttemptResolution::Lost).await;
    store.queue_unless_used("r0").await;
    let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
    store.claim_key(&request, &id()).await;
    assert_eq!(store.end_key(&request, 1, KeyEnd::Done(id())).await, None);
    assert!(store.claim_job().await);
    let user = (ExternalId::parse("p").unwrap(), UserId::new("tc_p").unwrap());
    store.records.add_vendor_users(&[user]).await.unwrap();
    let write = document_write();
    write!(store, |tx| async {
        tx.store_document(&write.teleconsultation, 1, write.room.as_ref()).await?;
        tx.begin_document_write(&write, LEASE).await
    })
    .unwrap();
}

fn document_write() -> DocumentWrite {
    DocumentWrite {
        id: "w".into(),
        kind: WriteKind::Update,
        teleconsultation: id(),
        room: Some(room("r1")),
        replaced: None,
        content: None,
        is_abandoned: false,
        started_at: now(),
        fence: 1,
    }
}

/// What `fill` has stored can be used.
async fn assert_filled(store: &TestStore) {
    let stored = read(store).await.unwrap();
    assert_eq!((stored.base, stored.room.clone()), (at(2, 2), Some(room("r1"))));
    assert_eq!(stored.participant("p").unwrap().access_link.as_ref().unwrap().expose(), "https://h/r1/p");
    assert_eq!(
        store.counts().await,
        JournalCounts {
            open_attempts: 1,
            pending_retirements: 1,
            possible_leaks: 1,
            open_writes: 1,
            ..JournalCounts::default()
        }
    );
    assert_eq!(store.at(100).claim_attempts().await[0].id, "open");
    assert_eq!(store.claim_retirements().await[0].room, room("r0"));
    let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
    assert_eq!(store.claim_key(&request, &id()).await, KeyClaim::Done(id()));
    assert!(!store.at(99).claim_job().await);
    assert_eq!(store.database.read().rooms_of_documents(&[room("r1")]).await.unwrap().len(), 1);
    let writes = write!(store, |tx| tx.claim_document_writes_of(&id(), LEASE)).unwrap();
    assert_eq!(writes, [DocumentWrite { fence: 2, ..document_write() }]);
    assert_eq!(store.records.vendor_users(&[&ExternalId::parse("p").unwrap()]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn each_released_schema_in_a_file_is_brought_up_to_date() {
    let (store, _folder) = embedded_store().await;
    for fixture in fixtures(Dialect::Sqlite, store).await {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("teleconsult.sqlite3").display());
        restore(&url, &fixture).await;
        assert_filled(&TestStore::new(Database::open_sqlite(folder.path(), Clock::system()).await.unwrap())).await;
    }
}

#[tokio::test]
async fn each_released_schema_in_postgres_is_brought_up_to_date() {
    let (store, _) = postgres_store().await;
    for fixture in fixtures(Dialect::Postgres, store).await {
        let url = postgres_database().await;
        restore(&url, &format!("CREATE SCHEMA clinic; SET search_path TO clinic; {fixture}")).await;
        assert_filled(&TestStore::new(open_postgres(&url).await.unwrap())).await;
    }
}

async fn restore(url: &str, statements: &str) {
    sqlx::any::install_default_drivers();
    let options: sqlx::any::AnyConnectOptions = url.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The migrations and all rows, as statements.
async fn dump(store: &TestStore, migrations: &Path) -> String {
    let readers = &store.database.readers;
    let tables = match store.database.dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
        Dialect::Postgres => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(readers).await.unwrap();
    let mut dump = format!("-- Written by a test: see tests/README.md.\n\n{};\n\n", migration::CREATE_LIST);
    for migration in files(migrations) {
        dump.push_str(&fs::read_to_string(migration).unwrap());
    }
    for table in tables {
        // A migration may have added rows too.
        writeln!(dump, "\nDELETE FROM {table};").unwrap();
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(readers).await.unwrap();
        for row in &rows {
            let columns: Vec<&str> = row.columns().iter().map(Column::name).collect();
            let values: Vec<String> = (0..columns.len()).map(|at| literal(row, at, store.database.dialect)).collect();
            writeln!(dump, "INSERT INTO {table} ({}) VALUES ({});", columns.join(", "), values.join(", ")).unwrap();
        }
    }
    dump
}

fn literal(row: &sqlx::any::AnyRow, at: usize, dialect: Dialect) -> String {
    if let Ok(number) = row.try_get::<Option<i64>, _>(at) {
        return number.map_or_else(|| "NULL".to_owned(), |number| number.to_string());
    }
    if let Ok(text) = row.try_get::<String, _>(at) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let bytes = data_encoding::HEXLOWER.encode(&row.try_get::<Vec<u8>, _>(at).unwrap());
    match dialect {
        Dialect::Sqlite => format!("X'{bytes}'"),
        Dialect::Postgres => format!("'\\x{bytes}'"),
    }
}
