//! What is one change and what is refused, on a real file.

use bandyer_client::{JoinUrl, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use tempfile::TempDir;

use super::{OpenError, Outcome, SqliteStore};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::participants::Participant;
use crate::domain::participants::tests::invitation;
use crate::domain::privileges::Role;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, Ending, Journal, Store, Stored};

fn now() -> Timestamp {
    "2026-03-05T09:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

async fn store() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteStore::open(folder.path()).await.unwrap(), folder)
}

fn room(id: &str) -> RoomId {
    RoomId::new(id).unwrap()
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
        id: TeleconsultationId::parse("0123456789abcdef01234567").unwrap(),
        version,
        generation,
        schedule: Schedule::stored(now(), later(1800)),
        number: 2,
        participants: vec![participant("d", Role::Plus), participant("p", Role::Basic)],
        room: room_id.map(room),
    }
}

fn attempt(id: &str, generation: i64) -> Attempt {
    Attempt {
        id: id.into(),
        teleconsultation: record(None, 0, 0).id,
        generation,
        started_at: now(),
        lease_until: later(100),
    }
}

async fn queued(store: &SqliteStore) -> Vec<String> {
    let due = store.due_retirements(later(10), 100).await.unwrap();
    due.into_iter().map(|one| one.room.to_string()).collect()
}

async fn read(store: &SqliteStore) -> Option<Teleconsultation> {
    store.teleconsultation(&record(None, 0, 0).id).await.unwrap()
}

#[tokio::test]
async fn a_new_record_and_its_room_are_stored_together() {
    let (store, _folder) = store().await;
    assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
    assert!(read(&store).await.is_none(), "nobody sees it before it has a room");
    assert_eq!(
        store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, now()).await.unwrap(),
        Some(record(None, 0, 0).id)
    );
    let stored = read(&store).await.unwrap();
    assert_eq!((stored.version, stored.generation, stored.room), (1, 1, Some(room("r1"))));
    assert_eq!(stored.schedule, record(None, 0, 0).schedule);
    let patient = stored.participants.iter().find(|one| one.external_id().as_str() == "p").unwrap();
    assert_eq!(patient.access_link.as_ref().unwrap().expose(), "https://h/r1/p");
    assert_eq!(patient.invitation, record(None, 0, 0).participants[1].invitation);
    assert_eq!(patient.role, Some(Role::Basic));
    assert!(store.open_attempts(later(1000)).await.unwrap().is_empty() && queued(&store).await.is_empty());
}

#[tokio::test]
async fn a_replaced_room_is_queued_in_the_same_change() {
    let (store, _folder) = store().await;
    store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
    assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
    let next = record(Some("r2"), 2, 2);
    assert_eq!(
        store.settle(&attempt("a", 2), &next, Some(&room("r1")), now()).await.unwrap(),
        Some(record(None, 0, 0).id)
    );
    assert_eq!(read(&store).await.unwrap().room, Some(room("r2")));
    assert_eq!(queued(&store).await, ["r1"]);
}

#[tokio::test]
async fn a_decision_on_an_old_reading_never_gets_to_call() {
    let (store, _folder) = store().await;
    store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
    assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
    assert_eq!(store.begin(&attempt("b", 2), Some(1)).await.unwrap(), None);
    assert_eq!(store.update(&record(None, 1, 1), None, now()).await.unwrap(), Stored::Stale);
    assert_eq!(store.trash(&record(Some("r1"), 1, 1), now()).await.unwrap(), Stored::Stale);
    assert_eq!(store.open_attempts(later(1000)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_room_whose_record_moved_on_is_queued_and_not_attached() {
    let (store, _folder) = store().await;
    store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
    assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
    // Another one begins before the first has its room.
    assert_eq!(store.begin(&attempt("b", 3), Some(2)).await.unwrap(), Some(3));
    let late = store.settle(&attempt("a", 2), &record(Some("r2"), 2, 2), Some(&room("r1")), now()).await.unwrap();
    assert_eq!((late, queued(&store).await), (None, vec!["r2".to_owned()]));
    assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
}

#[tokio::test]
async fn a_room_for_a_record_in_the_trash_is_queued() {
    let (store, _folder) = store().await;
    store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
    assert_eq!(store.begin(&attempt("a", 2), Some(1)).await.unwrap(), Some(2));
    assert_eq!(store.trash(&record(Some("r1"), 2, 2), now()).await.unwrap(), Stored::Yes);
    assert!(read(&store).await.is_none());
    let late = store.settle(&attempt("a", 2), &record(Some("r2"), 2, 2), Some(&room("r1")), now()).await.unwrap();
    assert_eq!(late, None);
    assert_eq!(queued(&store).await, ["r1", "r2"]);
}

#[tokio::test]
async fn an_attempt_that_recovery_took_over_cannot_be_settled() {
    let (store, _folder) = store().await;
    assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
    assert!(store.open_attempts(later(99)).await.unwrap().is_empty(), "the lease holds");
    assert_eq!(store.open_attempts(later(100)).await.unwrap(), [attempt("a", 1)]);
    store.end(&attempt("a", 1), Ending::Discard(room("r1")), later(100)).await.unwrap();
    let late = store.settle(&attempt("a", 1), &record(Some("r1"), 0, 1), None, later(101)).await.unwrap();
    assert_eq!(late, None);
    assert!(read(&store).await.is_none());
    assert_eq!(store.due_retirements(later(200), 10).await.unwrap().len(), 1, "queued once");
}

#[tokio::test]
async fn an_unknown_outcome_gives_up_its_lease_and_a_lost_one_is_not_looked_at_again() {
    let (store, _folder) = store().await;
    assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
    store.mark_unknown(&attempt("a", 1), now()).await.unwrap();
    assert_eq!(store.open_attempts(now()).await.unwrap().len(), 1);
    store.end(&attempt("a", 1), Ending::Lost, now()).await.unwrap();
    assert!(store.open_attempts(later(1000)).await.unwrap().is_empty());
}

#[tokio::test]
async fn deletions_are_put_off_and_end() {
    let (store, _folder) = store().await;
    store.insert(&record(Some("r1"), 1, 1), now()).await.unwrap();
    assert_eq!(store.trash(&record(Some("r1"), 1, 1), now()).await.unwrap(), Stored::Yes);
    store.postpone(&room("r1"), later(60)).await.unwrap();
    assert!(queued(&store).await.is_empty());
    assert_eq!(store.next_retirement().await.unwrap(), Some(later(60)));
    assert_eq!(store.due_retirements(later(60), 1).await.unwrap()[0].tries, 1);
    store.retired(&room("r1")).await.unwrap();
    assert_eq!(store.next_retirement().await.unwrap(), None);
}

#[tokio::test]
async fn a_change_elsewhere_is_suspected_before_it_and_concluded_after_it() {
    let (store, _folder) = store().await;
    let id = record(None, 0, 0).id;
    assert_eq!(store.begin(&attempt("a", 1), None).await.unwrap(), Some(0));
    store.suspect(&[&room("new"), &room("old")], &id, later(60)).await.unwrap();
    assert!(queued(&store).await.is_empty());
    assert_eq!(store.due_retirements(later(60), 10).await.unwrap().len(), 2, "cut off, both are looked at");
    let attempt = attempt("a", 1);
    let outcome = Outcome { attempt: Some(&attempt), kept: Some(&room("new")), gone: Some(&room("old")) };
    store.conclude(outcome, &id, now()).await.unwrap();
    assert_eq!(queued(&store).await, ["old"]);
    assert_eq!(store.due_retirements(later(60), 10).await.unwrap().len(), 1);
    assert!(store.open_attempts(later(1000)).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_first_row_of_the_user_map_wins() {
    let (store, _folder) = store().await;
    let person = ExternalId::parse("p").unwrap();
    for vendor in ["first", "second"] {
        let user = (person.clone(), UserId::new(vendor).unwrap());
        store.remember_users(&[user], now()).await.unwrap();
    }
    let known = store.vendor_users(&[&person, &ExternalId::parse("q").unwrap()]).await.unwrap();
    assert_eq!(known, [(person, UserId::new("first").unwrap())]);
}

#[tokio::test]
async fn who_the_store_is_to_the_vendor_survives_a_restart() {
    let (store, folder) = store().await;
    let id = store.deployment().id.clone();
    store.close().await;
    let again = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(again.deployment().id, id);
    assert!(matches!(SqliteStore::open(folder.path()).await, Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn no_query_of_a_request_reads_a_whole_table() {
    let (store, _folder) = store().await;
    for query in [
        "SELECT * FROM teleconsultations WHERE id = ? AND trashed_at IS NULL",
        "UPDATE teleconsultations SET version = 1 WHERE id = ? AND version = ? AND generation = ? AND trashed_at IS NULL",
        "SELECT external_id FROM users WHERE external_id IN (SELECT value FROM json_each(?))",
        "SELECT 1 FROM attempts WHERE id = ? AND state <> 'lost'",
        "SELECT * FROM attempts WHERE state <> 'lost' AND lease_until <= ?",
        "SELECT * FROM retirements WHERE next_try_at <= ? ORDER BY next_try_at LIMIT ?",
        "SELECT min(next_try_at) FROM retirements",
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")));
        let steps: Vec<String> =
            plan.fetch_all(&store.readers).await.unwrap().iter().map(|row| row.get("detail")).collect();
        // The list of ids that a request brings is the one thing that is read from end to end.
        let scans = steps.iter().filter(|step| step.starts_with("SCAN") && !step.contains("json_each"));
        assert_eq!(scans.count(), 0, "{query}: {steps:?}");
    }
}
