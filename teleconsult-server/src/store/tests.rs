//! What is one change and what is refused, in a real database: a file, and a database of PostgreSQL.

use bandyer_client::{JoinUrl, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyPool, Row};
use tempfile::TempDir;

use super::engine::Engine;
use super::postgres::DatabaseUrl;
use super::{Outcome, SqlStore, embedded};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::participants::Participant;
use crate::domain::participants::tests::invitation;
use crate::domain::privileges::Role;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{
    Attempt, Candidate, Claim, Duty, Ending, Journal, JournalCounts, KeyedRequest, Keys, Store, Stored,
};

/// Runs each test on both databases.
macro_rules! on_both_databases {
    ($( async fn $name:ident($store:ident: SqlStore) $body:block )+) => {
        on_both_databases!(@ in_a_file embedded_store $( $name $store $body )+);
        on_both_databases!(@ in_postgres postgres_store $( $name $store $body )+);
    };
    (@ $module:ident $open:ident $( $name:ident $store:ident $body:block )+) => {
        mod $module {
            use super::*;
            $( #[tokio::test] async fn $name() {
                let ($store, _folder) = $open().await;
                $body
            } )+
        }
    };
}

async fn embedded_store() -> (SqlStore, Option<TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    (SqlStore::open_embedded(folder.path()).await.unwrap(), Some(folder))
}

/// A database of its own on the server that `tests/run.sh` starts.
async fn postgres_url() -> DatabaseUrl {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the server is")]
    let server = std::env::var("TELECONSULT_TEST_POSTGRES")
        .expect("TELECONSULT_TEST_POSTGRES names no server; tests/run.sh starts one and sets it");
    sqlx::any::install_default_drivers();
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    let admin = AnyPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    admin.close().await;
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    DatabaseUrl::parse(url.as_str()).unwrap()
}

async fn postgres_store() -> (SqlStore, Option<TempDir>) {
    (SqlStore::open_postgres(&postgres_url().await, 4).await.unwrap(), None)
}

fn now() -> Timestamp {
    "2026-03-05T09:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn room(id: &str) -> RoomId {
    RoomId::new(id).unwrap()
}

fn id() -> TeleconsultationId {
    TeleconsultationId::parse("0123456789abcdef01234567").unwrap()
}

/// A record with a doctor and a patient; version 0 means that it is not stored yet.
fn record(room_id: Option<&str>, version: i64, generation: i64) -> Teleconsultation {
    let participant = |id: &str, role| Participant {
        invitation: invitation(id, "group"),
        role: Some(role),
        vendor_user_id: UserId::new(format!("tc_{id}")).unwrap(),
        access_link: room_id.map(|room| JoinUrl::from(format!("https://h/{room}/{id}"))),
    };
    Teleconsultation {
        id: id(),
        version,
        generation,
        schedule: Schedule::stored(now(), later(1800)),
        number: 2,
        participants: vec![participant("d", Role::Plus), participant("p", Role::Basic)],
        room: room_id.map(room),
    }
}

fn attempt(name: &str, generation: i64) -> Attempt {
    Attempt {
        id: name.into(),
        teleconsultation: id(),
        generation,
        order: "order".into(),
        started_at: now(),
        lease_until: later(100),
        fence: 1,
    }
}

async fn claimed(store: &SqlStore, now: Timestamp) -> Vec<Attempt> {
    store.claim_attempts(now, now + SignedDuration::from_secs(100), 10).await.unwrap()
}

/// Rooms that are due ten seconds from now; looking changes nothing.
async fn queued(store: &SqlStore) -> Vec<String> {
    let due = sqlx::query_scalar("SELECT room_id FROM retirements WHERE next_try_at <= $1 ORDER BY room_id");
    due.bind(later(10).as_millisecond()).fetch_all(&store.readers).await.unwrap()
}

async fn read(store: &SqlStore) -> Option<Teleconsultation> {
    store.teleconsultation(&id()).await.unwrap()
}

on_both_databases! {
    async fn a_new_record_and_its_room_are_stored_together(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        assert!(read(&store).await.is_none(), "nobody sees it before it has a room");
        assert!(!store.was_stored(&id()).await.unwrap());
        let settled = store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, now()).await.unwrap();
        assert_eq!(settled, Some(id()));
        let stored = read(&store).await.unwrap();
        assert_eq!((stored.version, stored.generation, stored.room), (1, 1, Some(room("r1"))));
        assert_eq!(stored.schedule, record(None, 0, 0).schedule);
        let patient = stored.participants.iter().find(|one| one.external_id().as_str() == "p").unwrap();
        assert_eq!(patient.access_link.as_ref().unwrap().expose(), "https://h/r1/p");
        assert_eq!(patient.invitation, record(None, 0, 0).participants[1].invitation);
        assert_eq!(patient.role, Some(Role::Basic));
        assert!(claimed(&store, later(1000)).await.is_empty() && queued(&store).await.is_empty());
        assert!(store.was_stored(&id()).await.unwrap());
        assert_eq!(store.record_of_room(&room("r1")).await.unwrap(), Some(id()));
        assert_eq!(store.record_of_room(&room("r2")).await.unwrap(), None);
    }

    async fn a_replaced_room_is_queued_in_the_same_change(store: SqlStore) {
        store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
        assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
        let next = record(Some("r2"), 2, 2);
        assert_eq!(store.settle(&attempt("a", 2), &next, Some(&room("r1")), now()).await.unwrap(), Some(id()));
        assert_eq!(read(&store).await.unwrap().room, Some(room("r2")));
        assert_eq!(queued(&store).await, ["r1"]);
    }

    async fn a_decision_on_an_old_reading_never_gets_to_call(store: SqlStore) {
        store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
        assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
        assert_eq!(store.begin(&attempt("b", 2), Some(1)).await.unwrap(), None);
        assert_eq!(store.update(&record(None, 1, 1), None, now()).await.unwrap(), Stored::Stale);
        assert_eq!(store.trash(&record(Some("r1"), 1, 1), now()).await.unwrap(), Stored::Stale);
        assert_eq!(claimed(&store, later(1000)).await.len(), 1);
    }

    async fn a_room_whose_record_moved_on_is_queued_and_not_attached(store: SqlStore) {
        store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
        assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
        // Another one begins before the first has its room.
        assert_eq!(store.begin(&attempt("b", 3), Some(2)).await.unwrap(), Some(3));
        let late = store.settle(&attempt("a", 2), &record(Some("r2"), 2, 2), Some(&room("r1")), now()).await.unwrap();
        assert_eq!((late, queued(&store).await), (None, vec!["r2".to_owned()]));
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_for_a_record_in_the_trash_is_queued(store: SqlStore) {
        store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
        assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
        assert_eq!(store.trash(&record(Some("r1"), 2, 2), now()).await.unwrap(), Stored::Yes);
        assert!(read(&store).await.is_none() && store.was_stored(&id()).await.unwrap());
        let late = store.settle(&attempt("a", 2), &record(Some("r2"), 2, 2), Some(&room("r1")), now()).await.unwrap();
        assert_eq!(late, None);
        assert_eq!(queued(&store).await, ["r1", "r2"]);
    }

    async fn an_attempt_that_recovery_took_over_cannot_be_settled(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        assert!(claimed(&store, later(99)).await.is_empty(), "the lease holds");
        let taken = claimed(&store, later(100)).await;
        assert_eq!(taken, [Attempt { fence: 2, lease_until: later(200), ..attempt("a", 1) }]);
        assert!(claimed(&store, later(150)).await.is_empty(), "taken over once");
        let late = store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, later(101)).await.unwrap();
        assert_eq!((late, queued(&store).await.len()), (None, 0), "queued for later than ten seconds");
        assert_eq!(store.counts().await.unwrap().pending_retirements, 1);
        store.end(&taken[0], Ending::Discard(room("r1")), later(101)).await.unwrap();
        assert!(read(&store).await.is_none());
        assert_eq!(store.counts().await.unwrap().pending_retirements, 1, "queued once");
    }

    async fn whoever_takes_an_attempt_over_may_adopt_its_room_and_the_first_holder_does_it_no_harm(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        let taken = store.claim_attempts_of(&id(), later(100), later(200)).await.unwrap();
        assert_eq!(taken.len(), 1);
        let adopted = store.settle(&taken[0], &record(Some("r1"), 0, 1), None, later(101)).await.unwrap();
        assert_eq!(adopted, Some(id()));
        // The first holder wakes with the same room in hand.
        let late = store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, later(102)).await.unwrap();
        assert_eq!(late, None);
        store.end(&attempt("a", 1), Ending::Discard(room("r1")), later(103)).await.unwrap();
        assert_eq!(store.counts().await.unwrap(), JournalCounts::default(), "the record's room is not queued");
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_that_is_queued_already_becomes_nobodys(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        store.queue_orphan(&room("r1"), now()).await.unwrap();
        let doomed = store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, now()).await.unwrap();
        assert_eq!(doomed, None);
        assert!(read(&store).await.is_none());
    }

    async fn a_lease_can_be_made_longer_only_by_its_holder(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        assert!(store.renew(&attempt("a", 1), later(300)).await.unwrap());
        assert!(claimed(&store, later(299)).await.is_empty());
        assert_eq!(claimed(&store, later(300)).await.len(), 1);
        assert!(!store.renew(&attempt("a", 1), later(900)).await.unwrap());
        store.mark_unknown(&attempt("a", 1), later(301)).await.unwrap();
        assert!(claimed(&store, later(302)).await.is_empty(), "an old holder gives up nothing");
    }

    async fn an_unknown_outcome_gives_up_its_lease_and_a_lost_one_is_looked_at_no_more(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        store.mark_unknown(&attempt("a", 1), now()).await.unwrap();
        let taken = store.claim_attempts(now(), later(60), 10).await.unwrap();
        store.end(&taken[0], Ending::Lost, now()).await.unwrap();
        assert!(claimed(&store, later(1000)).await.is_empty());
        assert_eq!(store.counts().await.unwrap().possible_leaks, 1);
        assert_eq!(store.forget_lost(later(60), &[]).await.unwrap(), 0, "its last lease has not ended long enough ago");
        assert_eq!(store.forget_lost(later(61), &["a", "b"]).await.unwrap(), 0, "there is a room of it");
        assert_eq!(store.forget_lost(later(61), &["b"]).await.unwrap(), 1);
        assert_eq!(store.counts().await.unwrap(), JournalCounts::default());
    }

    async fn deletions_are_taken_on_put_off_and_end(store: SqlStore) {
        store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
        assert_eq!(store.trash(&record(Some("r1"), 1, 1), now()).await.unwrap(), Stored::Yes);
        let taken = store.claim_retirements(now(), later(60), 10).await.unwrap();
        assert_eq!((taken.len(), &taken[0].teleconsultation), (1, &Some(id())));
        assert!(store.claim_retirements(later(59), later(90), 10).await.unwrap().is_empty(), "somebody is at it");
        store.postpone(&room("r1"), later(70), true).await.unwrap();
        assert_eq!(store.next_retirement().await.unwrap(), Some(later(70)));
        let taken = store.claim_retirements(later(70), later(99), 1).await.unwrap();
        assert_eq!(taken[0].tries, 1);
        store.postpone(&room("r1"), later(80), false).await.unwrap();
        assert_eq!(store.claim_retirements(later(80), later(99), 1).await.unwrap()[0].tries, 1);
        store.retired(&room("r1")).await.unwrap();
        assert_eq!(store.next_retirement().await.unwrap(), None);
    }

    async fn a_parked_deletion_is_left_until_the_next_start(store: SqlStore) {
        store.queue_orphan(&room("r1"), now()).await.unwrap();
        store.park(&room("r1")).await.unwrap();
        assert!(store.claim_retirements(later(1000), later(2000), 10).await.unwrap().is_empty());
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.pending_retirements, counts.parked_retirements), (0, 1));
        store.unpark(later(5)).await.unwrap();
        let taken = store.claim_retirements(later(5), later(99), 10).await.unwrap();
        assert_eq!((taken.len(), taken[0].tries, &taken[0].teleconsultation), (1, 0, &None));
    }

    async fn only_a_room_without_record_attempt_and_deletion_is_an_orphan(store: SqlStore) {
        store.insert(&record(Some("of a record"), 1, 1), now()).await.unwrap();
        assert_eq!(store.begin(&attempt("open", 2), Some(1)).await.unwrap(), Some(2));
        assert_eq!(store.begin(&Attempt { id: "lost".into(), ..attempt("", 1) }, None).await.unwrap(), Some(0));
        store.end(&attempt("lost", 1), Ending::Lost, now()).await.unwrap();
        store.queue_orphan(&room("queued"), now()).await.unwrap();
        let candidate = |name: &str, attempt: &str| Candidate { room: room(name), attempt: attempt.into() };
        let orphans = store
            .orphans(&[
                candidate("of a record", "gone"),
                candidate("of an attempt", "open"),
                candidate("queued", "gone"),
                candidate("of a lost attempt", "lost"),
                candidate("of nobody", "gone"),
            ])
            .await
            .unwrap();
        assert_eq!(orphans, [room("of a lost attempt"), room("of nobody")]);
        store.queue_orphan(&room("of a record"), now()).await.unwrap();
        assert_eq!(queued(&store).await, ["queued"], "a record got it meanwhile");
    }

    async fn a_duty_is_one_instances_at_a_time(store: SqlStore) {
        assert!(store.take_duty(Duty::Sweep, now(), later(60)).await.unwrap());
        assert!(!store.take_duty(Duty::Sweep, later(59), later(119)).await.unwrap());
        assert!(store.take_duty(Duty::Sweep, later(60), later(120)).await.unwrap());
    }

    async fn a_keyed_request_is_ones_until_its_lease_ends_and_done_for_a_day(store: SqlStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let other = TeleconsultationId::parse("other").unwrap();
        let ours = |resumed, fence| Claim::Ours { teleconsultation: id(), resumed, fence };
        assert_eq!(store.claim_key(&request, &id(), now(), later(60)).await.unwrap(), ours(false, 1));
        assert_eq!(store.claim_key(&request, &other, later(59), later(99)).await.unwrap(), Claim::Running);
        assert_eq!(store.claim_key(&request, &other, later(60), later(99)).await.unwrap(), ours(true, 2));
        // Whoever was first is late now.
        store.finish_key("k", 1, &other).await.unwrap();
        store.release_key("k", 1).await.unwrap();
        assert_eq!(store.claim_key(&request, &other, later(61), later(99)).await.unwrap(), Claim::Running);
        store.release_key("k", 2).await.unwrap();
        assert_eq!(store.claim_key(&request, &other, later(61), later(99)).await.unwrap(), ours(true, 3));
        store.finish_key("k", 3, &id()).await.unwrap();
        assert_eq!(store.claim_key(&request, &other, later(62), later(99)).await.unwrap(), Claim::Done(id()));
        let changed = KeyedRequest { fingerprint: "g".into(), ..request.clone() };
        assert_eq!(store.claim_key(&changed, &other, later(62), later(99)).await.unwrap(), Claim::OtherRequest);
        store.forget_keys(now()).await.unwrap();
        assert_eq!(store.claim_key(&request, &other, later(62), later(99)).await.unwrap(), Claim::Done(id()));
        store.forget_keys(later(1)).await.unwrap();
        let again = store.claim_key(&request, &id(), later(62), later(99)).await.unwrap();
        assert_eq!(again, ours(false, 1));
    }

    async fn of_many_who_claim_at_once_one_has_it(store: SqlStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let id = id();
        let claims = (0..8).map(|_| store.claim_key(&request, &id, now(), later(60)));
        let claims = futures_util::future::join_all(claims).await;
        let ours = claims.into_iter().map(Result::unwrap).filter(|claim| matches!(claim, Claim::Ours { .. }));
        assert_eq!(ours.count(), 1);
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        let claims = futures_util::future::join_all((0..8).map(|_| claimed(&store, later(100)))).await;
        assert_eq!(claims.into_iter().flatten().count(), 1);
        let duties = futures_util::future::join_all((0..8).map(|_| store.take_duty(Duty::Sweep, now(), later(1)))).await;
        assert_eq!(duties.into_iter().map(Result::unwrap).filter(|taken| *taken).count(), 1);
    }

    async fn a_change_elsewhere_is_suspected_before_it_and_concluded_after_it(store: SqlStore) {
        assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
        let (attempt, rooms) = (attempt("a", 1), [&room("new"), &room("old")]);
        assert!(store.suspect(Some(&attempt), &rooms, &id(), later(60)).await.unwrap());
        assert!(queued(&store).await.is_empty());
        assert_eq!(store.counts().await.unwrap().pending_retirements, 2, "cut off, both are looked at");
        assert!(!store.suspect(Some(&attempt), &rooms, &id(), later(60)).await.unwrap(), "queued already");
        let outcome = Outcome { attempt: Some(&attempt), kept: Some(&room("new")), gone: Some(&room("old")) };
        store.conclude(outcome, &id(), now()).await.unwrap();
        assert_eq!(queued(&store).await, ["old"]);
        assert!(!store.suspect(Some(&attempt), &rooms, &id(), later(60)).await.unwrap(), "no longer ours");
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.open_attempts, counts.pending_retirements), (0, 1));
    }

    async fn the_first_row_of_the_user_map_wins(store: SqlStore) {
        let person = ExternalId::parse("p").unwrap();
        for vendor in ["first", "second"] {
            let user = (person.clone(), UserId::new(vendor).unwrap());
            store.remember_users(&[user], now()).await.unwrap();
        }
        let known = store.vendor_users(&[&person, &ExternalId::parse("q").unwrap()]).await.unwrap();
        assert_eq!(known, [(person, UserId::new("first").unwrap())]);
    }
}

#[tokio::test]
async fn who_the_store_is_to_the_vendor_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    // Characters that mean something in a URL.
    let folder = folder.path().join("a b?c#d%20");
    let store = SqlStore::open_embedded(&folder).await.unwrap();
    let id = store.deployment().id.clone();
    store.close().await;
    let again = SqlStore::open_embedded(&folder).await.unwrap();
    assert_eq!(again.deployment().id, id);
    assert!(matches!(SqlStore::open_embedded(&folder).await, Err(embedded::OpenError::InUse(_))));
    assert!(folder.join("teleconsult.sqlite3").is_file());
}

#[tokio::test]
async fn instances_on_one_database_are_one_to_the_vendor() {
    let url = postgres_url().await;
    let opened = futures_util::future::join_all((0..4).map(|_| SqlStore::open_postgres(&url, 2))).await;
    let ids: std::collections::HashSet<String> =
        opened.into_iter().map(|store| store.unwrap().deployment().id.clone()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn no_query_of_a_request_reads_a_whole_table() {
    let (store, _folder) = embedded_store().await;
    assert_eq!(store.engine, Engine::Sqlite);
    for query in [
        "SELECT * FROM teleconsultations WHERE id = $1 AND trashed_at IS NULL",
        "SELECT id FROM teleconsultations WHERE room_id = $1 AND trashed_at IS NULL",
        "SELECT room_id FROM teleconsultations WHERE room_id IN (SELECT value FROM json_each($1))",
        "UPDATE teleconsultations SET version = 1 WHERE id = $1 AND version = $2 AND generation = $3 AND trashed_at IS NULL",
        "SELECT external_id FROM users WHERE external_id IN (SELECT value FROM json_each($1))",
        "SELECT fence FROM attempts WHERE id = $1 AND state <> 'lost'",
        "SELECT id FROM attempts WHERE state <> 'lost' AND lease_until <= $1 ORDER BY lease_until LIMIT $2",
        "SELECT id FROM attempts WHERE teleconsultation_id = $3 AND state <> 'lost' AND lease_until <= $2",
        "DELETE FROM attempts WHERE id NOT IN (SELECT value FROM json_each($1)) AND state = 'lost' AND lease_until < $2",
        "SELECT room_id FROM retirements WHERE next_try_at <= $1 ORDER BY next_try_at LIMIT $2",
        "SELECT min(next_try_at) FROM retirements",
        "SELECT fingerprint FROM keyed_requests WHERE key = $1",
        "DELETE FROM keyed_requests WHERE created_at < $1",
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")));
        let steps: Vec<String> =
            plan.fetch_all(&store.readers).await.unwrap().iter().map(|row| row.get("detail")).collect();
        // The list of ids that a request brings is the one thing that is read from end to end.
        let scans = steps.iter().filter(|step| step.starts_with("SCAN") && !step.contains("json_each"));
        assert_eq!(scans.count(), 0, "{query}: {steps:?}");
    }
}
