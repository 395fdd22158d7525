//! What is committed together and what is refused, in real databases: SQLite and PostgreSQL.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bandyer_client::{JoinUrl, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyPool, Row};
use tempfile::TempDir;

use super::engine::dialect::Dialect;
use super::engine::postgres::DatabaseUrl;
use super::engine::{Database, sqlite};
use super::sql_records::SqlRecords;
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::participants::Participant;
use crate::domain::participants::tests::person;
use crate::domain::privileges::Role;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::{
    Attempt, AttemptResolution, Cas, JournalCounts, KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, Records, Result,
    Retirement, StoreError,
};

/// Runs each test on both databases.
macro_rules! on_both_databases {
    ($( async fn $name:ident($store:ident: TestStore) $body:block )+) => {
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

async fn embedded_store() -> (TestStore, Option<TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    (TestStore::new(Database::open_sqlite(folder.path()).await.unwrap()), Some(folder))
}

/// A new database on the server that `tests/run.sh` starts.
async fn postgres_url() -> DatabaseUrl {
    #[expect(clippy::disallowed_methods, reason = "the test runner sets the address of the server")]
    let server = std::env::var("TELECONSULT_TEST_POSTGRES")
        .expect("TELECONSULT_TEST_POSTGRES is not set; tests/run.sh starts a server and sets it");
    sqlx::any::install_default_drivers();
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    let admin = AnyPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    admin.close().await;
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    DatabaseUrl::parse(url.as_str()).unwrap()
}

async fn postgres_store() -> (TestStore, Option<TempDir>) {
    (TestStore::new(Database::open_postgres(&postgres_url().await, 4).await.unwrap()), None)
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

/// A database, with each statement in a transaction of its own.
struct TestStore {
    database: Arc<Database>,
    records: SqlRecords,
}

/// Runs statements in a transaction of their own.
macro_rules! write {
    ($store:expr, |$tx:ident| $work:expr) => {
        $store.database.write(move |$tx| Box::pin(async move { $work.await })).await
    };
}

impl TestStore {
    fn new(database: Database) -> Self {
        let database = Arc::new(database);
        Self { records: SqlRecords::new(Arc::clone(&database)), database }
    }

    async fn begin(&self, attempt: &Attempt, base: Base) -> Cas<Base> {
        self.records.begin_attempt(attempt, base).await.unwrap()
    }

    async fn commit(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&str>,
        at: Timestamp,
    ) -> bool {
        let replaced = replaced.map(room);
        let committed = self.records.commit_room(attempt, record, replaced.as_ref(), at).await.unwrap();
        committed == Cas::Applied(id())
    }

    async fn resolve(&self, attempt: &Attempt, resolution: AttemptResolution, at: Timestamp) {
        let attempt = attempt.clone();
        write!(self, |tx| tx.resolve_attempt(&attempt, resolution, at)).unwrap();
    }

    async fn claim_attempts(&self, at: Timestamp, until: Timestamp) -> Vec<Attempt> {
        write!(self, |tx| tx.claim_attempts(at, until, 10)).unwrap()
    }

    async fn renew(&self, attempt: &Attempt, until: Timestamp) -> bool {
        let attempt = attempt.clone();
        write!(self, |tx| tx.renew_attempt(&attempt, until)).unwrap()
    }

    async fn mark_unknown(&self, attempt: &Attempt, at: Timestamp) {
        let attempt = attempt.clone();
        write!(self, |tx| tx.mark_attempt_unknown(&attempt, at)).unwrap();
    }

    async fn delete_lost(&self, before: Timestamp, with_room: &'static [&'static str]) -> u64 {
        write!(self, |tx| tx.delete_lost_attempts(before, with_room)).unwrap()
    }

    async fn queue_unless_used(&self, name: &str) {
        let room = room(name);
        write!(self, |tx| tx.queue_room_unless_used(&room, None, now())).unwrap();
    }

    async fn claim_retirements(&self, at: Timestamp, until: Timestamp) -> Vec<Retirement> {
        write!(self, |tx| tx.claim_retirements(at, until, 10)).unwrap()
    }

    async fn claim_key(&self, request: &KeyedRequest, about: &TeleconsultationId, at: i64, until: i64) -> KeyClaim {
        let (request, about) = (request.clone(), about.clone());
        write!(self, |tx| tx.claim_key(&request, &about, later(at), later(until))).unwrap()
    }

    async fn renew_key(&self, request: &KeyedRequest, fence: i64, until: i64) -> bool {
        let request = request.clone();
        write!(self, |tx| tx.renew_key(&request, fence, later(until))).unwrap()
    }

    async fn end_key(&self, request: &KeyedRequest, fence: i64, end: KeyEnd) -> Option<KeyTakeover> {
        let request = request.clone();
        write!(self, |tx| tx.end_key(&request, fence, &end)).unwrap()
    }

    async fn claim_job(&self, at: i64, due_again: i64) -> bool {
        write!(self, |tx| tx.claim_job("sweep", later(at), later(due_again))).unwrap()
    }

    async fn counts(&self) -> JournalCounts {
        self.database.read().journal_counts().await.unwrap()
    }
}

const fn at(version: i64, generation: i64) -> Base {
    Base::At { version, generation }
}

/// A record with a doctor and a patient.
fn record(room_id: Option<&str>, base: Base) -> Teleconsultation {
    let participant = |id: &str, role| Participant {
        person: person(id, "group"),
        role: Some(role),
        vendor_user_id: UserId::new(format!("tc_{id}")).unwrap(),
        access_link: room_id.map(|room| JoinUrl::from(format!("https://h/{room}/{id}"))),
    };
    Teleconsultation {
        id: id(),
        base,
        schedule: Schedule::stored(now(), later(1800)),
        number: 2,
        participants: vec![participant("d", Role::Plus), participant("p", Role::Basic)],
        room: room_id.map(room),
    }
}

/// A stored record with version 1, generation 1 and this room.
async fn with_record(store: &TestStore, room_id: &str) {
    assert_eq!(store.begin(&attempt("first", 1), Base::New).await, Cas::Applied(Base::New));
    assert!(store.commit(&attempt("first", 1), &record(Some(room_id), Base::New), None, now()).await);
}

fn attempt(name: &str, generation: i64) -> Attempt {
    Attempt {
        id: name.into(),
        teleconsultation: id(),
        generation,
        spec_digest: "digest".into(),
        started_at: now(),
        lease_until: later(100),
        fence: 1,
    }
}

async fn claimed(store: &TestStore, at: Timestamp) -> Vec<Attempt> {
    store.claim_attempts(at, at + SignedDuration::from_secs(100)).await
}

/// Rooms that are due within ten seconds from now. Reading changes nothing.
async fn queued(store: &TestStore) -> Vec<String> {
    let due = sqlx::query_scalar("SELECT room_id FROM retirements WHERE due_at <= $1 ORDER BY room_id");
    due.bind(later(10).as_millisecond()).fetch_all(&store.database.readers).await.unwrap()
}

async fn read(store: &TestStore) -> Option<Teleconsultation> {
    store.records.get(&id()).await.unwrap()
}

on_both_databases! {
    async fn a_new_record_and_its_room_are_stored_together(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(read(&store).await.is_none(), "invisible before it has a room");
        assert!(!store.records.was_stored(&id()).await.unwrap());
        assert!(store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None, now()).await);
        let stored = read(&store).await.unwrap();
        assert_eq!((stored.base, stored.room.clone()), (at(1, 1), Some(room("r1"))));
        assert_eq!(stored.schedule, record(None, Base::New).schedule);
        let patient = stored.participant("p").unwrap();
        assert_eq!(patient.access_link.as_ref().unwrap().expose(), "https://h/r1/p");
        assert_eq!(patient.person, record(None, Base::New).participants[1].person);
        assert_eq!(patient.role, Some(Role::Basic));
        assert!(claimed(&store, later(1000)).await.is_empty() && queued(&store).await.is_empty());
        assert!(store.records.was_stored(&id()).await.unwrap());
        assert_eq!(store.records.of_room(&room("r1")).await.unwrap(), Some(id()));
        assert_eq!(store.records.of_room(&room("r2")).await.unwrap(), None);
    }

    async fn a_replaced_room_is_queued_in_the_same_change(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert!(store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1"), now()).await);
        assert_eq!(read(&store).await.unwrap().room, Some(room("r2")));
        assert_eq!(queued(&store).await, ["r1"]);
    }

    async fn a_decision_on_an_old_reading_never_reaches_the_vendor(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert_eq!(store.begin(&attempt("b", 2), at(1, 1)).await, Cas::Stale);
        assert_eq!(store.records.update(&record(None, at(1, 1)), None, now()).await.unwrap(), Cas::Stale);
        assert_eq!(store.records.trash(&record(Some("r1"), at(1, 1)), now()).await.unwrap(), Cas::Stale);
        assert_eq!(claimed(&store, later(1000)).await.len(), 1);
    }

    async fn a_failed_unit_of_work_leaves_nothing_behind(store: TestStore) {
        with_record(&store, "r1").await;
        let failed: Result<()> = store
            .database
            .write(|tx| {
                Box::pin(async move {
                    tx.queue_room(&room("r2"), None, now()).await?;
                    Err(StoreError::corrupt("on purpose"))
                })
            })
            .await;
        assert!(failed.is_err() && queued(&store).await.is_empty());
        // The connection serves the next transaction.
        store.queue_unless_used("r3").await;
        assert_eq!(queued(&store).await, ["r3"]);
    }

    async fn a_room_whose_record_moved_on_is_queued_and_not_attached(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        // Another attempt begins before the first has its room.
        assert_eq!(store.begin(&attempt("b", 3), at(2, 2)).await, Cas::Applied(at(3, 3)));
        assert!(!store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1"), now()).await);
        assert_eq!(queued(&store).await, ["r2"]);
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_for_a_record_in_the_trash_is_queued(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        let trashed = store.records.trash(&record(Some("r1"), at(2, 2)), now()).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        assert!(read(&store).await.is_none() && store.records.was_stored(&id()).await.unwrap());
        assert!(!store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1"), now()).await);
        assert_eq!(queued(&store).await, ["r1", "r2"]);
    }

    async fn an_attempt_that_recovery_took_over_cannot_be_committed(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(claimed(&store, later(99)).await.is_empty(), "the lease holds");
        let taken = claimed(&store, later(100)).await;
        assert_eq!(taken, [Attempt { fence: 2, lease_until: later(200), ..attempt("a", 1) }]);
        assert!(claimed(&store, later(150)).await.is_empty(), "taken over once");
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None, later(101)).await);
        assert_eq!(queued(&store).await.len(), 0, "due later than in ten seconds");
        assert_eq!(store.counts().await.pending_retirements, 1);
        store.resolve(&taken[0], AttemptResolution::Discard(room("r1")), later(101)).await;
        assert!(read(&store).await.is_none());
        assert_eq!(store.counts().await.pending_retirements, 1, "queued once");
    }

    async fn an_attempt_that_was_taken_over_may_be_adopted(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        let taken = write!(store, |tx| tx.claim_attempts_of(&id(), later(100), later(200))).unwrap();
        assert_eq!(taken.len(), 1);
        assert!(store.commit(&taken[0], &record(Some("r1"), Base::New), None, later(101)).await);
        // The first holder wakes up with the same room. It does no harm.
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None, later(102)).await);
        store.resolve(&attempt("a", 1), AttemptResolution::Discard(room("r1")), later(103)).await;
        assert_eq!(store.counts().await, JournalCounts::default(), "the record's room is not queued");
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_that_is_queued_becomes_no_records_room(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.queue_unless_used("r1").await;
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None, now()).await);
        assert!(read(&store).await.is_none());
    }

    async fn a_lease_is_renewed_only_by_its_holder(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(store.renew(&attempt("a", 1), later(300)).await);
        assert!(claimed(&store, later(299)).await.is_empty());
        assert_eq!(claimed(&store, later(300)).await.len(), 1);
        assert!(!store.renew(&attempt("a", 1), later(900)).await);
        store.mark_unknown(&attempt("a", 1), later(301)).await;
        assert!(claimed(&store, later(302)).await.is_empty(), "an old holder releases nothing");
    }

    async fn an_unknown_attempt_is_released_and_a_lost_one_is_not_claimed(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.mark_unknown(&attempt("a", 1), now()).await;
        let taken = store.claim_attempts(now(), later(60)).await;
        store.resolve(&taken[0], AttemptResolution::Lost, now()).await;
        assert!(claimed(&store, later(1000)).await.is_empty());
        assert_eq!(store.counts().await.possible_leaks, 1);
        assert_eq!(store.delete_lost(later(60), &[]).await, 0, "its last lease has not ended long enough ago");
        assert_eq!(store.delete_lost(later(61), &["a", "b"]).await, 0, "its room exists");
        assert_eq!(store.delete_lost(later(61), &["b"]).await, 1);
        assert_eq!(store.counts().await, JournalCounts::default());
    }

    async fn deletions_are_claimed_postponed_and_ended(store: TestStore) {
        with_record(&store, "r1").await;
        let trashed = store.records.trash(&record(Some("r1"), at(1, 1)), now()).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        let taken = store.claim_retirements(now(), later(60)).await;
        assert_eq!((taken.len(), &taken[0].teleconsultation), (1, &Some(id())));
        assert!(store.claim_retirements(later(59), later(90)).await.is_empty(), "claimed");
        write!(store, |tx| tx.postpone_retirement(&room("r1"), later(70), true)).unwrap();
        assert_eq!(store.database.read().next_retirement().await.unwrap(), Some(later(70)));
        assert_eq!(store.claim_retirements(later(70), later(79)).await[0].failures, 1);
        write!(store, |tx| tx.postpone_retirement(&room("r1"), later(80), false)).unwrap();
        assert_eq!(store.claim_retirements(later(80), later(99)).await[0].failures, 1);
        write!(store, |tx| tx.dequeue_room(&room("r1"))).unwrap();
        assert_eq!(store.database.read().next_retirement().await.unwrap(), None);
    }

    async fn a_parked_deletion_waits_for_the_next_start(store: TestStore) {
        store.queue_unless_used("r1").await;
        write!(store, |tx| tx.park_retirement(&room("r1"))).unwrap();
        assert!(store.claim_retirements(later(1000), later(2000)).await.is_empty());
        let counts = store.counts().await;
        assert_eq!((counts.pending_retirements, counts.parked_retirements), (0, 1));
        write!(store, |tx| tx.unpark_retirements(later(5))).unwrap();
        let taken = store.claim_retirements(later(5), later(99)).await;
        assert_eq!((taken.len(), taken[0].failures, &taken[0].teleconsultation), (1, 0, &None));
    }

    async fn a_room_is_known_by_its_record_its_attempt_or_the_queue(store: TestStore) {
        with_record(&store, "of a record").await;
        assert_eq!(store.begin(&attempt("open", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        let lost = Attempt { id: "lost".into(), ..attempt("", 1) };
        assert_eq!(store.begin(&lost, Base::New).await, Cas::Applied(Base::New));
        store.resolve(&lost, AttemptResolution::Lost, now()).await;
        store.queue_unless_used("queued").await;
        let rooms = ["of a record", "queued", "of nothing"].map(room);
        let read = store.database.read();
        assert_eq!(read.open_attempts(&["open", "lost", "gone"]).await.unwrap(), HashSet::from(["open".to_owned()]));
        assert_eq!(store.records.rooms_in_use(&rooms).await.unwrap(), HashSet::from([room("of a record")]));
        assert_eq!(read.queued_rooms(&rooms).await.unwrap(), HashSet::from([room("queued")]));
        store.queue_unless_used("of a record").await;
        assert_eq!(queued(&store).await, ["queued"], "a record's room is never queued as an orphan");
    }

    async fn one_instance_at_a_time_claims_a_shared_job(store: TestStore) {
        assert!(store.claim_job(0, 60).await);
        assert!(!store.claim_job(59, 119).await);
        assert!(store.claim_job(60, 120).await);
    }

    async fn a_keyed_request_has_one_holder_until_its_lease_ends(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let other = TeleconsultationId::parse("other").unwrap();
        let claimed = |resumed, fence| KeyClaim::Claimed { teleconsultation: id(), resumed, fence };
        assert_eq!(store.claim_key(&request, &id(), 0, 60).await, claimed(false, 1));
        assert_eq!(store.claim_key(&request, &other, 59, 99).await, KeyClaim::Running);
        assert_eq!(store.claim_key(&request, &other, 60, 99).await, claimed(true, 2));
        // The first holder is late now.
        for end in [KeyEnd::Done(other.clone()), KeyEnd::Failed, KeyEnd::Refused] {
            assert_eq!(store.end_key(&request, 1, end).await, Some(KeyTakeover::Running));
        }
        assert!(!store.renew_key(&request, 1, 200).await);
        assert_eq!(store.claim_key(&request, &other, 61, 99).await, KeyClaim::Running);
        assert!(store.renew_key(&request, 2, 110).await);
        assert_eq!(store.claim_key(&request, &other, 109, 199).await, KeyClaim::Running);
        assert_eq!(store.end_key(&request, 2, KeyEnd::Failed).await, None);
        assert_eq!(store.claim_key(&request, &other, 61, 99).await, claimed(true, 3));
        assert_eq!(store.end_key(&request, 3, KeyEnd::Done(id())).await, None);
        let takeover = store.end_key(&request, 2, KeyEnd::Done(other.clone())).await;
        assert_eq!(takeover, Some(KeyTakeover::Done(id())), "the late holder learns the key's teleconsultation");
        assert!(!store.renew_key(&request, 3, 200).await, "a request that was executed has no lease");
        assert_eq!(store.claim_key(&request, &other, 62, 99).await, KeyClaim::Done(id()));
        let changed = KeyedRequest { fingerprint: "g".into(), ..request.clone() };
        assert_eq!(store.claim_key(&changed, &other, 62, 99).await, KeyClaim::Mismatch);
        write!(store, |tx| tx.expire_keys(now())).unwrap();
        assert_eq!(store.claim_key(&request, &other, 62, 99).await, KeyClaim::Done(id()));
        write!(store, |tx| tx.expire_keys(later(1))).unwrap();
        assert_eq!(store.claim_key(&request, &id(), 62, 99).await, claimed(false, 1));
    }

    async fn a_refused_request_gives_its_key_back(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let corrected = KeyedRequest { fingerprint: "g".into(), ..request.clone() };
        let other = TeleconsultationId::parse("other").unwrap();
        store.claim_key(&request, &id(), 0, 60).await;
        assert_eq!(store.end_key(&request, 1, KeyEnd::Refused).await, None);
        let claimed = KeyClaim::Claimed { teleconsultation: other.clone(), resumed: false, fence: 1 };
        assert_eq!(store.claim_key(&corrected, &other, 0, 60).await, claimed);
        // The refused request has the same fence, and holds nothing.
        assert_eq!(store.end_key(&request, 1, KeyEnd::Done(id())).await, None);
        assert_eq!(store.end_key(&corrected, 1, KeyEnd::Done(other.clone())).await, None);
        assert_eq!(store.claim_key(&corrected, &id(), 0, 60).await, KeyClaim::Done(other));
    }

    async fn one_of_several_concurrent_claims_succeeds(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let id = id();
        let claims = futures_util::future::join_all((0..8).map(|_| store.claim_key(&request, &id, 0, 60))).await;
        assert_eq!(claims.iter().filter(|claim| matches!(claim, KeyClaim::Claimed { .. })).count(), 1);
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        let claims = futures_util::future::join_all((0..8).map(|_| claimed(&store, later(100)))).await;
        assert_eq!(claims.into_iter().flatten().count(), 1);
        let claims = futures_util::future::join_all((0..8).map(|_| store.claim_job(0, 1))).await;
        assert_eq!(claims.into_iter().filter(|claimed| *claimed).count(), 1);
    }

    async fn a_change_elsewhere_queues_rooms_before_it_and_resolves_them_after(store: TestStore) {
        assert_eq!(store.begin(&attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        let schedule = || async {
            let (attempt, rooms) = (attempt("a", 1), ["new", "old"].map(room));
            write!(store, |tx| tx.schedule_tentative_retirement(Some(&attempt), &rooms, &id(), later(60))).unwrap()
        };
        assert!(schedule().await);
        assert!(queued(&store).await.is_empty());
        assert_eq!(store.counts().await.pending_retirements, 2, "an interrupted change leaves both queued");
        assert!(!schedule().await, "queued already");
        write!(store, |tx| tx.resolve_retirement(Some(&room("new")), Some(&room("old")), &id(), now())).unwrap();
        write!(store, |tx| tx.delete_attempt(&attempt("a", 1))).unwrap();
        assert_eq!(queued(&store).await, ["old"]);
        assert!(!schedule().await, "the attempt has ended");
        let counts = store.counts().await;
        assert_eq!((counts.open_attempts, counts.pending_retirements), (0, 1));
    }

    async fn the_first_row_of_the_user_map_wins(store: TestStore) {
        let person = ExternalId::parse("p").unwrap();
        for vendor in ["first", "second"] {
            let user = (person.clone(), UserId::new(vendor).unwrap());
            store.records.add_vendor_users(&[user], now()).await.unwrap();
        }
        let known = store.records.vendor_users(&[&person, &ExternalId::parse("q").unwrap()]).await.unwrap();
        assert_eq!(known, [(person, UserId::new("first").unwrap())]);
    }
}

#[tokio::test]
async fn the_identity_of_a_deployment_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    // Characters with a meaning in URLs.
    let folder = folder.path().join("a b?c#d%20");
    let database = Database::open_sqlite(&folder).await.unwrap();
    let id = database.deployment().id.clone();
    database.close().await;
    let again = Database::open_sqlite(&folder).await.unwrap();
    assert_eq!(again.deployment().id, id);
    assert!(matches!(Database::open_sqlite(&folder).await, Err(sqlite::OpenError::InUse(_))));
    assert!(folder.join("teleconsult.sqlite3").is_file());
}

#[tokio::test]
async fn instances_on_one_database_share_their_identity() {
    let url = postgres_url().await;
    let opened = futures_util::future::join_all((0..4).map(|_| Database::open_postgres(&url, 2))).await;
    let ids: HashSet<String> = opened.into_iter().map(|database| database.unwrap().deployment().id.clone()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn no_query_of_a_request_scans_a_table() {
    let (store, _folder) = embedded_store().await;
    assert_eq!(store.database.dialect, Dialect::Sqlite);
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
        "SELECT room_id FROM retirements WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
        "SELECT min(due_at) FROM retirements",
        "SELECT fingerprint FROM keyed_requests WHERE key = $1",
        "DELETE FROM keyed_requests WHERE created_at < $1",
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")));
        let steps: Vec<String> =
            plan.fetch_all(&store.database.readers).await.unwrap().iter().map(|row| row.get("detail")).collect();
        // Only the list of ids in the parameter is read as a whole.
        let scans = steps.iter().filter(|step| step.starts_with("SCAN") && !step.contains("json_each"));
        assert_eq!(scans.count(), 0, "{query}: {steps:?}");
    }
}

#[test]
fn the_migrations_of_both_databases_are_twins() {
    let folder = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations").join(name);
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.file_name().unwrap().to_owned(), schema(&path))).collect();
        files.sort();
        files
    };
    assert!(!folder("sqlite").is_empty());
    assert_eq!(folder("sqlite"), folder("postgres"));
}

/// A migration in common words, without comments.
fn schema(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let statements = text.lines().filter(|line| !line.trim_start().starts_with("--") && !line.is_empty());
    statements
        .map(|line| {
            let line = line.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
            line.replace(" STRICT, WITHOUT ROWID", "").replace(" STRICT", "")
        })
        .collect()
}
