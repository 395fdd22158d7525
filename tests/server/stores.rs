//! The store cannot serve: full, locked, read-only or unreachable. Changes are refused with a code and a time to retry, the
//! vendor gets no call whose outcome could not be stored, reads are served where possible, and service recovers by itself.

use reqwest::Method;
use serde_json::Value;
use sqlx::Connection;

use crate::support::binary::{Process, Program, command};
use crate::support::database::{Kind, postgres_server};
use crate::support::in_minutes;
use crate::support::service::{PATIENCE, consultation, doctor, patient, person};
use crate::support::site::Site;

struct Clinic {
    site: Site,
    server: Process,
    /// A teleconsultation that can be changed.
    later: String,
    /// One whose link is visible.
    now: String,
}

impl Clinic {
    async fn new(kind: Kind) -> Self {
        let site = Site::new(kind).await;
        // No background job calls the vendor during the test.
        let intervals =
            [("TELECONSULT_SWEEP_INTERVAL_SECONDS", "3600"), ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "3600")];
        let server = Program::for_limits(&site.variables(&intervals)).start();
        let (later, now) = (
            create(&site, &server, &in_minutes(60)).await.unwrap(),
            create(&site, &server, &in_minutes(0)).await.unwrap(),
        );
        Self { site, server, later, now }
    }

    /// Every change is refused with a time to retry, and causes no vendor call.
    async fn refuses_changes(&self) {
        let before = self.site.emulator.calls().len();
        let new_people = consultation(&in_minutes(60), 2, &[person("new.d", "doctor"), person("new.p", "patient")]);
        let known_people = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let incomplete = consultation(&in_minutes(60), 3, &[person("new.d", "doctor")]);
        let change = serde_json::json!({"participants": {"number": 2, "data": [doctor(), person("new.q", "patient")]}});
        let path = format!("/teleconsultation/{}", self.later);
        for (method, path, body) in [
            (Method::POST, "/teleconsultation", Some(&new_people)),
            (Method::POST, "/teleconsultation", Some(&known_people)),
            (Method::POST, "/teleconsultation", Some(&incomplete)),
            (Method::PATCH, path.as_str(), Some(&change)),
            (Method::DELETE, path.as_str(), None),
        ] {
            let url = format!("{}{path}", self.server.url);
            let mut request = self.site.http.request(method.clone(), url);
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.unwrap();
            let wait = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            assert_eq!((status, wait.as_deref()), (503, Some("5")), "{method} {path}: {text}");
            assert!(text.contains(r#""code":"store_unavailable""#), "{text}");
        }
        assert_eq!(self.site.emulator.calls().len(), before, "{:?}", self.site.emulator.calls());
    }

    async fn serves_reads(&self) {
        let view = self.site.view(&self.server.url, &self.now, "patient-42").await.expect("it is visible");
        assert!(view["accessLinkURL"].is_string(), "{view}");
    }

    /// Changes succeed again, by themselves, and nothing is left over.
    async fn recovers(&self) {
        let created = async {
            loop {
                if let Some(id) = create(&self.site, &self.server, &in_minutes(60)).await {
                    return id;
                }
            }
        };
        tokio::time::timeout(PATIENCE, created).await.expect("it recovers");
        let path = format!("/teleconsultation/{}", self.later);
        let deleted = self.site.call(&self.server.url, Method::DELETE, &path, &[], None).await;
        assert_eq!(deleted.map(|(status, _)| status), Some(204));
        self.site.until_settled(&self.server.url).await.unwrap();
        assert_eq!(self.site.check_invariants().await.unwrap().len(), 2);
    }
}

async fn create(site: &Site, server: &Process, start: &str) -> Option<String> {
    let body = consultation(start, 2, &[doctor(), patient()]);
    let (status, text) = site.call(&server.url, Method::POST, "/teleconsultation", &[], Some(&body)).await?;
    let body: Value = serde_json::from_str(&text).unwrap();
    (status == 201).then(|| body["roomId"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_and_serves_reads() {
    let clinic = Clinic::new(Kind::Embedded).await;
    clinic.server.limit_files(Some(0));
    clinic.refuses_changes().await;
    clinic.serves_reads().await;
    clinic.server.limit_files(None);
    clinic.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_refuses_changes_and_serves_reads() {
    let clinic = Clinic::new(Kind::Embedded).await;
    // As a backup tool locks it.
    let mut connection = clinic.site.database.connect().await;
    let lock = connection.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    clinic.refuses_changes().await;
    clinic.serves_reads().await;
    lock.rollback().await.unwrap();
    clinic.recovers().await;
}

/// Alters the PostgreSQL database from outside, and ends the connections made before.
async fn alter(clinic: &Clinic, change: &str) {
    let database: url::Url = clinic.site.database.url.parse().unwrap();
    let name = database.path().trim_start_matches('/').to_owned();
    let mut admin = sqlx::AnyConnection::connect(&postgres_server()).await.unwrap();
    let alter = sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} {change}"));
    sqlx::query(alter).execute(&mut admin).await.unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(end).bind(name).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_refuses_changes_and_serves_reads() {
    let clinic = Clinic::new(Kind::Postgres).await;
    alter(&clinic, "SET default_transaction_read_only = on").await;
    clinic.refuses_changes().await;
    clinic.serves_reads().await;
    alter(&clinic, "RESET default_transaction_read_only").await;
    clinic.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_refuses_everything_and_recovers() {
    let clinic = Clinic::new(Kind::Postgres).await;
    alter(&clinic, "ALLOW_CONNECTIONS false").await;
    clinic.refuses_changes().await;
    let path = format!("/teleconsultation/{}", clinic.now);
    let headers = [("miauserid", "patient-42")];
    let view = clinic.site.call(&clinic.server.url, Method::GET, &path, &headers, None).await;
    assert_eq!(view.map(|(status, _)| status), Some(503));
    let check = clinic.site.call(&clinic.server.url, Method::GET, "/-/check-up", &[], None).await;
    assert_eq!(check.map(|(status, _)| status), Some(503));
    alter(&clinic, "ALLOW_CONNECTIONS true").await;
    clinic.recovers().await;
    clinic.serves_reads().await;
}

/// The certificate of the PostgreSQL server that `tests/run.sh` starts.
#[expect(clippy::disallowed_methods, reason = "the environment names the file")]
fn certificate() -> String {
    std::env::var("TELECONSULT_TEST_POSTGRES_CERTIFICATE")
        .expect("TELECONSULT_TEST_POSTGRES_CERTIFICATE names no file; tests/run.sh makes one and sets it")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_connection_uses_tls_when_its_url_says_so() {
    let site = Site::new(Kind::Postgres).await;
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", site.database.url, certificate());
    let server = site.start(&[("DATABASE_URL", &url)]);
    create(&site, &server, &in_minutes(0)).await.unwrap();
    let mut connection = site.database.connect().await;
    let others = "SELECT count(*), count(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let (all, encrypted): (i64, i64) = sqlx::query_as(others).fetch_one(&mut connection).await.unwrap();
    assert!(all > 0 && all == encrypted, "{encrypted} of {all}");
}

/// The port of the pooler that `tests/run.sh` starts before its PostgreSQL server.
#[expect(clippy::disallowed_methods, reason = "the environment names the port")]
fn pooler_port() -> u16 {
    let port = std::env::var("TELECONSULT_TEST_PGBOUNCER")
        .expect("TELECONSULT_TEST_PGBOUNCER names no port; tests/run.sh starts a pooler and sets it");
    port.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_does_no_harm() {
    let site = Site::new(Kind::Postgres).await;
    let mut url: url::Url = site.database.url.parse().unwrap();
    url.set_port(Some(pooler_port())).unwrap();
    let start = || site.start(&[("DATABASE_URL", url.as_str())]);
    let servers = [start(), start()];
    // More at a time than the pooler has sessions, so that each session serves both processes in turn.
    let created = (0..24).map(|n| {
        let (site, server) = (&site, &servers[n % 2]);
        async move {
            let id = create(site, server, &in_minutes(0)).await.expect("it is created");
            assert!(
                site.view(&server.url, &id, "patient-42").await.expect("it is visible")["accessLinkURL"].is_string()
            );
            if n % 3 == 0 {
                let path = format!("/teleconsultation/{id}");
                let deleted = site.call(&server.url, Method::DELETE, &path, &[], None).await;
                assert_eq!(deleted.map(|(status, _)| status), Some(204));
            }
        }
    });
    futures_util::future::join_all(created).await;
    site.until_settled(&servers[0].url).await.unwrap();
    assert_eq!(site.check_invariants().await.unwrap().len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_database_connection_fails_the_start_without_secrets() {
    let site = Site::new(Kind::Postgres).await;
    let mut url: url::Url = site.database.url.parse().unwrap();
    url.set_password(Some("canary-password")).unwrap();
    // A certificate that no trusted authority has signed, and a port without a listener.
    let untrusted = format!("{url}?sslmode=verify-full");
    url.set_port(Some(9)).unwrap();
    for url in [untrusted.as_str(), url.as_str()] {
        let output = command(&site.variables(&[("DATABASE_URL", url)])).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("cannot connect to the database of DATABASE_URL"), "{stderr}");
        assert!(!stderr.contains("canary"), "{stderr}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_fails_the_start_with_that_reason() {
    let site = Site::new(Kind::Embedded).await;
    let folder = std::path::PathBuf::from(site.variable("DATA_DIR").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("teleconsult.sqlite3"), [7; 20_000]).unwrap();
    let output = command(&site.variables(&[])).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot be opened: the database cannot serve: its file is not a database"), "{stderr}");
}
