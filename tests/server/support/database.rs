//! The databases that servers store their records in, and direct access to them.

use std::path::Path;
use std::sync::Once;

use sqlx::{AnyConnection, Connection, Executor};

/// The kind of database that a server stores its records in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    Postgres,
}

/// The database of one test. In PostgreSQL it is dropped with this value: thousands of them would fill the disk.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    /// Its name in PostgreSQL.
    name: Option<String>,
}

impl Database {
    /// The embedded database in a folder, where the server opens or creates it.
    pub fn in_folder(folder: &Path) -> Self {
        let file = folder.join("teleconsult.sqlite3");
        Self { url: format!("sqlite://{}", file.to_str().expect("temporary folders have plain names")), name: None }
    }

    /// A new one on the server that `tests/run.sh` starts.
    pub async fn in_postgres() -> Self {
        let server = postgres_server();
        let name = format!("service_{}", uuid_like());
        let mut connection = connect(&server).await;
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut url: url::Url = server.parse().unwrap();
        url.set_path(&name);
        Self { url: url.into(), name: Some(name) }
    }

    /// A connection that finds the tables of the server.
    pub async fn connect(&self) -> AnyConnection {
        let mut connection = connect(&self.url).await;
        if self.name.is_some() {
            connection.execute("SET search_path TO teleconsult").await.unwrap();
        }
        connection
    }

    pub async fn execute(&self, statement: &'static str) {
        let mut connection = self.connect().await;
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The result of a query that counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        let mut connection = self.connect().await;
        let count = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        count
    }

    /// Id, room and participants of every live record.
    pub async fn records(&self) -> Vec<Record> {
        let mut connection = self.connect().await;
        let query =
            "SELECT id, room_id, number, participants FROM teleconsultations WHERE trashed_at IS NULL ORDER BY id";
        let rows: Vec<(String, Option<String>, i64, String)> =
            sqlx::query_as(query).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let record = |(id, room, number, participants): (String, Option<String>, i64, String)| Record {
            id,
            room,
            number: number.try_into().unwrap(),
            participants: serde_json::from_str(&participants).unwrap(),
        };
        rows.into_iter().map(record).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        // A separate runtime, because the value may be dropped inside one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = connect(&postgres_server()).await;
                let statement = sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
                sqlx::query(statement).execute(&mut connection).await.unwrap();
            });
        });
        assert!(dropped.join().is_ok() || std::thread::panicking(), "the test's database could not be dropped");
    }
}

/// A live record, as it is stored.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    pub room: Option<String>,
    pub number: usize,
    pub participants: Vec<serde_json::Value>,
}

#[expect(clippy::disallowed_methods, reason = "the environment names the server")]
pub fn postgres_server() -> String {
    std::env::var("TELECONSULT_TEST_POSTGRES")
        .expect("TELECONSULT_TEST_POSTGRES names no server; tests/run.sh starts one and sets it")
}

async fn connect(url: &str) -> AnyConnection {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
    AnyConnection::connect(url).await.unwrap_or_else(|error| panic!("cannot connect to the database: {error}"))
}

fn uuid_like() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}
