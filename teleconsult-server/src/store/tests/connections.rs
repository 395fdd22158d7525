//! What PostgreSQL and its operators may do to connections: conflicts, unusual defaults, other programs in the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::AssertSqlSafe;
use tokio::sync::Barrier;

use super::*;

/// Lets the first attempts to claim a job fail as if they were in conflict with another transaction.
async fn with_conflicts(failures: u32) -> (TestStore, String) {
    let url = postgres_database().await;
    let store = TestStore::new(open_postgres(&url).await.unwrap());
    administer(
        &url,
        &format!(
            "SET search_path TO clinic; CREATE SEQUENCE runs; \
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('clinic.runs') <= {failures} THEN RAISE EXCEPTION 'on purpose' USING ERRCODE = '40001'; END IF; \
             RETURN NEW; END $$; \
             CREATE TRIGGER fail BEFORE INSERT ON job_runs FOR EACH ROW EXECUTE FUNCTION fail()"
        ),
    )
    .await;
    (store, url)
}

/// Changes a database in ways that the service does not.
async fn administer(url: &str, statements: &str) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_conflict_runs_the_unit_of_work_again() {
    let (store, _) = with_conflicts(2).await;
    assert!(store.claim_job().await);
}

#[tokio::test]
async fn a_conflict_that_stays_is_reported_after_three_attempts() {
    let (store, url) = with_conflicts(u32::MAX).await;
    let failed = write!(store, |tx| tx.claim_job("sweep", LEASE)).unwrap_err();
    assert!(failed.is_conflict(), "{failed}");
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let runs: i64 = sqlx::query_scalar("SELECT last_value FROM clinic.runs").fetch_one(&mut connection).await.unwrap();
    assert_eq!(runs, 3);
}

#[tokio::test]
async fn both_units_of_a_deadlock_are_done() {
    let store = TestStore::new(open_postgres(&postgres_database().await).await.unwrap());
    store.queue_unless_used("a").await;
    store.queue_unless_used("b").await;
    let both_hold_one = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicU32::new(0));
    let postpone = |first: &'static str, second: &'static str| {
        let (both_hold_one, runs) = (Arc::clone(&both_hold_one), Arc::clone(&runs));
        store.database.write(move |tx| {
            Box::pin(async move {
                tx.postpone_retirement(&room(first), SignedDuration::ZERO, true).await?;
                if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                    both_hold_one.wait().await;
                }
                tx.postpone_retirement(&room(second), SignedDuration::ZERO, true).await
            })
        })
    };
    let (one, other) = tokio::join!(postpone("a", "b"), postpone("b", "a"));
    one.unwrap();
    other.unwrap();
    assert!(runs.load(Ordering::Relaxed) > 2, "one of them was run again");
    let failures: Vec<u32> = store.claim_retirements().await.iter().map(|retirement| retirement.failures).collect();
    assert_eq!(failures, [2, 2]);
}

#[tokio::test]
async fn a_transaction_that_failed_at_its_begin_spoils_nothing() {
    let (url, schema) = (postgres_database().await, SchemaName::parse("clinic").unwrap());
    let opened = Database::open_postgres(&DatabaseUrl::parse(&url).unwrap(), &schema, 1).await;
    let store = TestStore::new(opened.unwrap());
    let mut only_one = store.database.writer.acquire().await.unwrap();
    // As if a setting after the first word had failed: the driver does not know that a transaction has begun.
    sqlx::raw_sql("BEGIN; SELECT 1 / 0").execute(&mut *only_one).await.unwrap_err();
    drop(only_one);
    assert!(store.claim_job().await);
}

/// A function that fails if it is run in a transaction without the settings of this service.
const CHECK_SETTINGS: &str = "CREATE FUNCTION clinic.check_settings() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ \
     DECLARE settings text := concat_ws(' ', current_setting('transaction_isolation'), current_setting('search_path'), \
         current_setting('statement_timeout'), current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout')); \
     BEGIN IF settings <> 'read committed clinic, pg_temp 5s 3s 10s' THEN RAISE EXCEPTION '%', settings; END IF; \
     RETURN true; END $$;";

#[tokio::test]
async fn unusual_defaults_of_a_database_do_no_harm() {
    let url = postgres_database().await;
    let name = url.rsplit('/').next().unwrap();
    administer(
        &url,
        &format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'; \
             ALTER DATABASE {name} SET search_path = nowhere; ALTER DATABASE {name} SET statement_timeout = '60s'"
        ),
    )
    .await;
    let store = TestStore::new(open_postgres(&url).await.unwrap());
    administer(
        &url,
        &format!(
            "{CHECK_SETTINGS} \
             ALTER TABLE clinic.job_runs ADD CHECK (clinic.check_settings()); \
             ALTER TABLE clinic.users RENAME TO people; \
             CREATE VIEW clinic.users AS SELECT * FROM clinic.people WHERE clinic.check_settings()"
        ),
    )
    .await;
    assert!(store.claim_job().await, "a write has its settings");
    let person = ExternalId::parse("p").unwrap();
    administer(&url, "INSERT INTO clinic.people VALUES ('p', 'tc_p', 0)").await;
    assert_eq!(store.records.vendor_users(&[&person]).await.unwrap().len(), 1, "a read has its settings");
}

#[tokio::test]
async fn a_migration_is_ended_by_no_time_out() {
    let url = postgres_database().await;
    let name = url.rsplit('/').next().unwrap();
    administer(
        &url,
        &format!(
            "ALTER DATABASE {name} SET statement_timeout = '60s'; ALTER DATABASE {name} SET lock_timeout = '60s'; \
             CREATE FUNCTION check_timeouts() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF current_setting('statement_timeout') <> '0' OR current_setting('lock_timeout') <> '0' \
             THEN RAISE EXCEPTION 'with time-outs'; END IF; END $$; \
             CREATE EVENT TRIGGER check_timeouts ON ddl_command_end EXECUTE FUNCTION check_timeouts()"
        ),
    )
    .await;
    open_postgres(&url).await.unwrap();
}

#[tokio::test]
async fn schemas_of_one_database_are_deployments_of_their_own() {
    let url = DatabaseUrl::parse(&postgres_database().await).unwrap();
    let open = async |schema: &str| {
        let schema = SchemaName::parse(schema).unwrap();
        Database::open_postgres(&url, &schema, 1).await.unwrap().deployment().id.clone()
    };
    let (one, other) = (open("one").await, open("other").await);
    assert_ne!(one, other);
    assert_eq!(open("one").await, one);
}

#[tokio::test]
async fn a_role_that_may_not_create_schemas_uses_one_that_exists() {
    let url = postgres_database().await;
    let role = format!("clerk_{}", uuid::Uuid::new_v4().simple());
    administer(&url, &format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA clinic AUTHORIZATION {role}")).await;
    let mut restricted: url::Url = url.parse().unwrap();
    restricted.set_username(&role).unwrap();
    let opened = open_postgres(restricted.as_str()).await;
    assert!(opened.is_ok(), "{:?}", opened.err());
    administer(&url, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
