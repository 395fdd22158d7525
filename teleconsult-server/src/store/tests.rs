//! What is committed together and what is refused, in real databases: SQLite and PostgreSQL.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bandyer_client::{JoinUrl, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use tempfile::TempDir;

use super::engine::dialect::Dialect;
use super::engine::postgres::{DatabaseUrl, SchemaName};
use super::engine::{Database, migration, postgres, sqlite};
use super::sql_records::SqlRecords;
use crate::base::clock::Clock;
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::participants::Participant;
use crate::domain::participants::tests::person;
use crate::domain::privileges::Role;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::{
    Attempt, AttemptResolution, Cas, JournalCounts, KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, NewAttempt, Reading,
    Records, Result, Retirement, StoreError, Suspect, SweepPass,
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
    (TestStore::new(Database::open_sqlite(folder.path(), Clock::system()).await.unwrap()), Some(folder))
}

/// The URL of a new database on the server that `tests/run.sh` starts.
async fn postgres_database() -> String {
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
    url.into()
}

async fn postgres_store() -> (TestStore, Option<TempDir>) {
    (TestStore::new(open_postgres(&postgres_database().await).await.unwrap()), None)
}

async fn open_postgres(url: &str) -> std::result::Result<Database, postgres::OpenError> {
    let (url, schema) = (DatabaseUrl::parse(url).unwrap(), SchemaName::parse("clinic").unwrap());
    Database::open_postgres(&url, &schema, 4).await
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

/// A database with a clock that stands still, and each statement in a transaction of its own.
struct TestStore {
    database: Arc<Database>,
    records: SqlRecords,
    time: Arc<Mutex<Timestamp>>,
}

/// Runs statements in a transaction of their own.
macro_rules! write {
    ($store:expr, |$tx:ident| $work:expr) => {
        $store.database.write(move |$tx| Box::pin(async move { $work.await })).await
    };
}

const LEASE: SignedDuration = SignedDuration::from_secs(100);

impl TestStore {
    fn new(mut database: Database) -> Self {
        let time = Arc::new(Mutex::new(now()));
        let shown = Arc::clone(&time);
        database.clock = Some(Clock::from_fn(move || *shown.lock().unwrap()));
        let database = Arc::new(database);
        Self { records: SqlRecords::new(Arc::clone(&database)), database, time }
    }

    /// As if the server was started with the address of another vendor.
    fn calling(self, vendor: &str) -> Self {
        let Self { database, records, time } = self;
        drop(records);
        let database = Arc::new(Arc::into_inner(database).unwrap().for_vendor(vendor));
        Self { records: SqlRecords::new(Arc::clone(&database)), database, time }
    }

    /// The same at this many seconds after the start of the test.
    fn at(&self, seconds: i64) -> &Self {
        *self.time.lock().unwrap() = later(seconds);
        self
    }

    async fn begin(&self, attempt: &NewAttempt, base: Base) -> Cas<Base> {
        self.records.begin_attempt(attempt, LEASE, base, None).await.unwrap().map(|(_, base)| base)
    }

    async fn commit(&self, attempt: &Attempt, record: &Teleconsultation, replaced: Option<&str>) -> bool {
        let replaced = replaced.map(room);
        let committed = self.records.commit_room(attempt, record, replaced.as_ref(), None).await.unwrap();
        committed == Cas::Applied(id())
    }

    async fn resolve(&self, attempt: &Attempt, resolution: AttemptResolution) {
        let attempt = attempt.clone();
        write!(self, |tx| tx.resolve_attempt(&attempt, resolution)).unwrap();
    }

    async fn claim_attempts(&self) -> Vec<Attempt> {
        write!(self, |tx| tx.claim_attempts(LEASE, 10)).unwrap()
    }

    async fn renew(&self, attempt: &Attempt) -> bool {
        let attempt = attempt.clone();
        write!(self, |tx| tx.renew_attempt(&attempt, LEASE)).unwrap()
    }

    async fn mark_unknown(&self, attempt: &Attempt) {
        let attempt = attempt.clone();
        write!(self, |tx| tx.mark_attempt_unknown(&attempt)).unwrap();
    }

    async fn delete_lost(&self, before: Timestamp) -> u64 {
        write!(self, |tx| tx.delete_lost_attempts(before)).unwrap()
    }

    async fn queue_unless_used(&self, name: &str) {
        let room = room(name);
        write!(self, |tx| tx.queue_room_unless_used(&room, None)).unwrap();
    }

    async fn claim_retirements(&self) -> Vec<Retirement> {
        write!(self, |tx| tx.claim_retirements(LEASE, LEASE, 10)).unwrap()
    }

    async fn postpone(&self, name: &str, seconds: i64, failed: bool) {
        let room = room(name);
        write!(self, |tx| tx.postpone_retirement(&room, SignedDuration::from_secs(seconds), failed)).unwrap();
    }

    async fn claim_key(&self, request: &KeyedRequest, about: &TeleconsultationId) -> KeyClaim {
        let (request, about) = (request.clone(), about.clone());
        write!(self, |tx| tx.claim_key(&request, &about, LEASE)).unwrap()
    }

    async fn renew_key(&self, request: &KeyedRequest, fence: i64) -> bool {
        let request = request.clone();
        write!(self, |tx| tx.renew_key(&request, fence, LEASE)).unwrap()
    }

    async fn end_key(&self, request: &KeyedRequest, fence: i64, end: KeyEnd) -> Option<KeyTakeover> {
        let request = request.clone();
        write!(self, |tx| tx.end_key(&request, fence, &end)).unwrap()
    }

    async fn claim_job(&self) -> bool {
        write!(self, |tx| tx.claim_job("sweep", LEASE)).unwrap()
    }

    async fn counts(&self) -> JournalCounts {
        self.database.read().journal_counts().await.unwrap()
    }
}

mod connections;
mod long_life;
mod upgrades;

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
    assert_eq!(store.begin(&new_attempt("first", 1), Base::New).await, Cas::Applied(Base::New));
    assert!(store.commit(&attempt("first", 1), &record(Some(room_id), Base::New), None).await);
}

fn new_attempt(name: &str, generation: i64) -> NewAttempt {
    NewAttempt { id: name.into(), teleconsultation: id(), generation, spec_digest: "digest".into() }
}

/// The attempt as it is recorded at the start of the test.
fn attempt(name: &str, generation: i64) -> Attempt {
    new_attempt(name, generation).started(now())
}

/// Rooms that are due at this moment. Reading changes nothing.
async fn queued(store: &TestStore) -> Vec<String> {
    let due = sqlx::query_scalar("SELECT room_id FROM retirements WHERE due_at <= $1 ORDER BY room_id");
    let now = store.time.lock().unwrap().as_millisecond();
    due.bind(now).fetch_all(&store.database.readers).await.unwrap()
}

async fn read(store: &TestStore) -> Option<Teleconsultation> {
    let reading: Option<Reading> = store.records.get(&id()).await.unwrap();
    reading.map(|reading| reading.record)
}

on_both_databases! {
    async fn a_new_record_and_its_room_are_stored_together(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(read(&store).await.is_none(), "invisible before it has a room");
        assert!(store.records.stored_for(&id()).await.unwrap().is_none());
        assert!(store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None).await);
        let stored = read(&store).await.unwrap();
        assert_eq!((stored.base, stored.room.clone()), (at(1, 1), Some(room("r1"))));
        assert_eq!(stored.schedule, record(None, Base::New).schedule);
        let patient = stored.participant("p").unwrap();
        assert_eq!(patient.access_link.as_ref().unwrap().expose(), "https://h/r1/p");
        assert_eq!(patient.person, record(None, Base::New).participants[1].person);
        assert_eq!(patient.role, Some(Role::Basic));
        assert!(queued(&store).await.is_empty() && store.at(1000).claim_attempts().await.is_empty());
        assert_eq!(store.records.stored_for(&id()).await.unwrap(), Some(id()));
    }

    async fn a_replaced_room_is_queued_in_the_same_change(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&new_attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert!(store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1")).await);
        assert_eq!(read(&store).await.unwrap().room, Some(room("r2")));
        assert_eq!(queued(&store).await, ["r1"]);
    }

    async fn a_decision_on_an_old_reading_never_reaches_the_vendor(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&new_attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert_eq!(store.begin(&new_attempt("b", 2), at(1, 1)).await, Cas::Stale);
        assert_eq!(store.records.update(&record(None, at(1, 1)), None, None).await.unwrap(), Cas::Stale);
        assert_eq!(store.records.trash(&record(Some("r1"), at(1, 1))).await.unwrap(), Cas::Stale);
        assert_eq!(store.at(1000).claim_attempts().await.len(), 1);
    }

    async fn a_failed_unit_of_work_leaves_nothing_behind(store: TestStore) {
        with_record(&store, "r1").await;
        let failed: Result<()> = store
            .database
            .write(|tx| {
                Box::pin(async move {
                    tx.queue_room(&room("r2"), None).await?;
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
        assert_eq!(store.begin(&new_attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        // Another attempt begins before the first has its room.
        assert_eq!(store.begin(&new_attempt("b", 3), at(2, 2)).await, Cas::Applied(at(3, 3)));
        assert!(!store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1")).await);
        assert_eq!(queued(&store).await, ["r2"]);
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_for_a_record_in_the_trash_is_queued(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&new_attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        let trashed = store.records.trash(&record(Some("r1"), at(2, 2))).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        assert!(read(&store).await.is_none() && store.records.stored_for(&id()).await.unwrap().is_some());
        assert!(!store.commit(&attempt("a", 2), &record(Some("r2"), at(2, 2)), Some("r1")).await);
        assert_eq!(queued(&store).await, ["r1", "r2"]);
    }

    async fn an_attempt_that_recovery_took_over_cannot_be_committed(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(store.at(99).claim_attempts().await.is_empty(), "the lease holds");
        let taken = store.at(100).claim_attempts().await;
        assert_eq!(taken, [Attempt { fence: 2, ..attempt("a", 1) }]);
        assert!(store.at(150).claim_attempts().await.is_empty(), "taken over once");
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None).await);
        assert_eq!(store.counts().await.pending_retirements, 1);
        store.resolve(&taken[0], AttemptResolution::Discard(room("r1"))).await;
        assert!(read(&store).await.is_none());
        assert_eq!(store.counts().await.pending_retirements, 1, "queued once");
    }

    async fn an_attempt_that_was_taken_over_may_be_adopted(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.at(100);
        let taken = write!(store, |tx| tx.claim_attempts_of(&id(), LEASE)).unwrap();
        assert_eq!(taken.len(), 1);
        assert!(store.commit(&taken[0], &record(Some("r1"), Base::New), None).await);
        // The first holder wakes up with the same room. It does no harm.
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None).await);
        store.resolve(&attempt("a", 1), AttemptResolution::Discard(room("r1"))).await;
        assert_eq!(store.counts().await, JournalCounts::default(), "the record's room is not queued");
        assert_eq!(read(&store).await.unwrap().room, Some(room("r1")));
    }

    async fn a_room_that_is_queued_becomes_no_records_room(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.queue_unless_used("r1").await;
        assert!(!store.commit(&attempt("a", 1), &record(Some("r1"), Base::New), None).await);
        assert!(read(&store).await.is_none());
    }

    async fn a_lease_is_renewed_only_by_its_holder(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        assert!(store.at(200).renew(&attempt("a", 1)).await);
        assert!(store.at(299).claim_attempts().await.is_empty());
        assert_eq!(store.at(300).claim_attempts().await.len(), 1);
        assert!(!store.renew(&attempt("a", 1)).await);
        store.at(301).mark_unknown(&attempt("a", 1)).await;
        assert!(store.at(302).claim_attempts().await.is_empty(), "an old holder releases nothing");
    }

    async fn an_unknown_attempt_is_released_and_a_lost_one_is_not_claimed(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.mark_unknown(&attempt("a", 1)).await;
        let taken = store.claim_attempts().await;
        store.resolve(&taken[0], AttemptResolution::Lost).await;
        assert!(store.at(1000).claim_attempts().await.is_empty());
        assert_eq!(store.counts().await.possible_leaks, 1);
        assert_eq!(store.delete_lost(later(100)).await, 0, "its last lease has not ended long enough ago");
        assert_eq!(store.delete_lost(later(101)).await, 1);
        assert_eq!(store.counts().await, JournalCounts::default());
    }

    async fn deletions_are_claimed_postponed_and_ended(store: TestStore) {
        with_record(&store, "r1").await;
        let trashed = store.records.trash(&record(Some("r1"), at(1, 1))).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        let taken = store.claim_retirements().await;
        assert_eq!((taken.len(), &taken[0].teleconsultation), (1, &Some(id())));
        assert!(store.at(99).claim_retirements().await.is_empty(), "claimed");
        store.postpone("r1", 70, true).await;
        assert_eq!(store.database.read().next_retirement().await.unwrap(), Some(SignedDuration::from_secs(70)));
        assert!(store.at(168).claim_retirements().await.is_empty(), "postponed");
        assert_eq!(store.at(169).claim_retirements().await[0].failures, 1);
        store.postpone("r1", 10, false).await;
        assert_eq!(store.at(179).claim_retirements().await[0].failures, 1);
        write!(store, |tx| tx.dequeue_room(&room("r1"))).unwrap();
        assert_eq!(store.database.read().next_retirement().await.unwrap(), None);
    }

    async fn a_parked_deletion_waits_for_the_next_start(store: TestStore) {
        store.queue_unless_used("r1").await;
        write!(store, |tx| tx.park_retirement(&room("r1"))).unwrap();
        assert!(store.at(1000).claim_retirements().await.is_empty());
        let counts = store.counts().await;
        assert_eq!((counts.pending_retirements, counts.parked_retirements), (0, 1));
        write!(store, |tx| tx.unpark_retirements()).unwrap();
        let taken = store.claim_retirements().await;
        assert_eq!((taken.len(), taken[0].failures, &taken[0].teleconsultation), (1, 0, &None));
    }

    async fn a_room_that_is_gone_stays_known_for_a_while(store: TestStore) {
        store.queue_unless_used("r1").await;
        write!(store, |tx| tx.end_retirement(&room("r1"))).unwrap();
        store.queue_unless_used("r1").await;
        write!(store, |tx| tx.postpone_retirement(&room("r1"), SignedDuration::ZERO, true)).unwrap();
        assert_eq!(store.counts().await, JournalCounts::default());
        assert!(store.at(1000).claim_retirements().await.is_empty());
        for (seconds, is_known) in [(100, true), (101, false)] {
            store.at(seconds);
            write!(store, |tx| tx.forget_gone_rooms(SignedDuration::from_secs(100))).unwrap();
            let known = store.database.read().queued_rooms(&[room("r1")]).await.unwrap();
            assert_eq!(known.contains(&room("r1")), is_known);
        }
    }

    async fn suspects_are_those_of_the_last_pass_without_a_record(store: TestStore) {
        let seen = |names: &[&str]| names.iter().map(|name| room(name)).collect::<Vec<_>>();
        let (first, second) = (seen(&["gone", "needed", "orphan"]), seen(&["orphan", "needed"]));
        write!(store, |tx| tx.add_suspects(&first, now())).unwrap();
        write!(store, |tx| tx.add_suspects(&second, later(60))).unwrap();
        write!(store, |tx| tx.clear_suspects(&[room("needed")])).unwrap();
        write!(store, |tx| tx.clear_unseen_suspects(later(60))).unwrap();
        let left = Suspect { room: room("orphan"), first_seen_at: now(), last_seen_at: later(60) };
        assert_eq!(store.database.read().suspects().await.unwrap(), [left]);
        assert_eq!(store.counts().await.suspects, 1);
    }

    async fn a_pass_is_continued_until_it_ends(store: TestStore) {
        let mut pass = SweepPass { started_at: now(), next_offset: 100, needed: 7 };
        for next_offset in [100, 200] {
            pass.next_offset = next_offset;
            write!(store, |tx| tx.save_pass(pass)).unwrap();
            assert_eq!(store.database.read().sweep_pass().await.unwrap(), Some(pass));
        }
        write!(store, |tx| tx.end_pass()).unwrap();
        assert_eq!(store.database.read().sweep_pass().await.unwrap(), None);
    }

    async fn another_place_of_the_records_forgets_what_sweeps_saw(store: TestStore) {
        assert_eq!(store.database.read().records_place().await.unwrap(), None);
        write!(store, |tx| tx.add_suspects(&[room("r1")], now())).unwrap();
        write!(store, |tx| tx.set_records_place("elsewhere")).unwrap();
        assert_eq!(store.database.read().records_place().await.unwrap().as_deref(), Some("elsewhere"));
        assert_eq!(store.counts().await, JournalCounts::default());
    }

    async fn what_belongs_to_another_vendor_waits(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&new_attempt("open", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert_eq!(store.database.read().attempt_of_room(&room("r1")).await.unwrap().as_deref(), Some("first"));
        let store = store.calling("other/v2");
        assert_eq!(store.database.read().attempt_of_room(&room("r1")).await.unwrap(), None, "its 404 is no loss");
        assert_eq!(store.records.trash(&record(Some("r1"), at(2, 2))).await.unwrap(), Cas::Applied(()));
        store.queue_unless_used("of the other").await;
        assert!(store.at(1000).claim_attempts().await.is_empty());
        let retired = store.at(1000).claim_retirements().await;
        assert_eq!(retired.iter().map(|one| one.room.as_str()).collect::<Vec<_>>(), ["of the other"]);
        assert_eq!(store.counts().await.of_other_vendors, 2);
        let store = store.calling("");
        assert_eq!(store.counts().await.of_other_vendors, 1);
        let retired = store.at(1000).claim_retirements().await;
        assert_eq!(retired.iter().map(|one| one.room.as_str()).collect::<Vec<_>>(), ["r1"]);
        assert_eq!(store.at(1000).claim_attempts().await.len(), 1);
    }

    async fn a_room_is_known_by_its_record_its_attempt_or_the_queue(store: TestStore) {
        with_record(&store, "of a record").await;
        assert_eq!(store.begin(&new_attempt("open", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        assert_eq!(store.begin(&new_attempt("lost", 1), Base::New).await, Cas::Applied(Base::New));
        store.resolve(&attempt("lost", 1), AttemptResolution::Lost).await;
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
        assert!(store.claim_job().await);
        assert!(!store.at(99).claim_job().await);
        assert!(store.at(100).claim_job().await);
    }

    async fn a_keyed_request_has_one_holder_until_its_lease_ends(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let other = TeleconsultationId::parse("other").unwrap();
        let claimed = |resumed, fence| KeyClaim::Claimed { teleconsultation: id(), resumed, fence };
        assert_eq!(store.claim_key(&request, &id()).await, claimed(false, 1));
        assert_eq!(store.at(99).claim_key(&request, &other).await, KeyClaim::Running);
        assert_eq!(store.at(100).claim_key(&request, &other).await, claimed(true, 2));
        // The first holder is late now.
        for end in [KeyEnd::Done(other.clone()), KeyEnd::Failed, KeyEnd::Refused] {
            assert_eq!(store.end_key(&request, 1, end).await, Some(KeyTakeover::Running));
        }
        assert!(!store.renew_key(&request, 1).await);
        assert_eq!(store.claim_key(&request, &other).await, KeyClaim::Running);
        assert!(store.at(150).renew_key(&request, 2).await);
        assert_eq!(store.at(249).claim_key(&request, &other).await, KeyClaim::Running);
        assert_eq!(store.end_key(&request, 2, KeyEnd::Failed).await, None);
        assert_eq!(store.claim_key(&request, &other).await, claimed(true, 3));
        assert_eq!(store.end_key(&request, 3, KeyEnd::Done(id())).await, None);
        let takeover = store.end_key(&request, 2, KeyEnd::Done(other.clone())).await;
        assert_eq!(takeover, Some(KeyTakeover::Done(id())), "the late holder learns the key's teleconsultation");
        assert!(!store.renew_key(&request, 3).await, "a request that was executed has no lease");
        assert_eq!(store.at(100).claim_key(&request, &other).await, KeyClaim::Done(id()));
        let changed = KeyedRequest { fingerprint: "g".into(), ..request.clone() };
        assert_eq!(store.claim_key(&changed, &other).await, KeyClaim::Mismatch);
        write!(store, |tx| tx.expire_keys(LEASE)).unwrap();
        assert_eq!(store.claim_key(&request, &other).await, KeyClaim::Done(id()));
        store.at(101);
        write!(store, |tx| tx.expire_keys(LEASE)).unwrap();
        assert_eq!(store.claim_key(&request, &id()).await, claimed(false, 1));
    }

    async fn a_refused_request_gives_its_key_back(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let corrected = KeyedRequest { fingerprint: "g".into(), ..request.clone() };
        let other = TeleconsultationId::parse("other").unwrap();
        store.claim_key(&request, &id()).await;
        assert_eq!(store.end_key(&request, 1, KeyEnd::Refused).await, None);
        let claimed = KeyClaim::Claimed { teleconsultation: other.clone(), resumed: false, fence: 1 };
        assert_eq!(store.claim_key(&corrected, &other).await, claimed);
        // The refused request has the same fence, and holds nothing.
        assert_eq!(store.end_key(&request, 1, KeyEnd::Done(id())).await, None);
        assert_eq!(store.end_key(&corrected, 1, KeyEnd::Done(other.clone())).await, None);
        assert_eq!(store.claim_key(&corrected, &id()).await, KeyClaim::Done(other));
    }

    async fn one_of_several_concurrent_claims_succeeds(store: TestStore) {
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        let id = id();
        let claims = futures_util::future::join_all((0..8).map(|_| store.claim_key(&request, &id))).await;
        assert_eq!(claims.iter().filter(|claim| matches!(claim, KeyClaim::Claimed { .. })).count(), 1);
        assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
        store.at(100);
        let claims = futures_util::future::join_all((0..8).map(|_| store.claim_attempts())).await;
        assert_eq!(claims.into_iter().flatten().count(), 1);
        let claims = futures_util::future::join_all((0..8).map(|_| store.claim_job())).await;
        assert_eq!(claims.into_iter().filter(|claimed| *claimed).count(), 1);
    }

    async fn a_decision_is_refused_from_the_moment_at_which_it_ceases_to_hold(store: TestStore) {
        with_record(&store, "r1").await;
        let until = Some(later(60));
        let update = async |seconds| store.at(seconds).records.update(&record(Some("r1"), at(1, 1)), None, until).await;
        assert_eq!(update(60).await.unwrap(), Cas::TooLate);
        assert_eq!(read(&store).await.unwrap().base, at(1, 1), "nothing was changed");
        let begin = async |seconds| {
            let begun = store.at(seconds).records.begin_attempt(&new_attempt("a", 2), LEASE, at(1, 1), until).await;
            begun.unwrap().map(|(_, base)| base)
        };
        assert_eq!(begin(60).await, Cas::TooLate);
        assert_eq!(begin(59).await, Cas::Applied(at(2, 2)));
        let next = record(Some("r2"), at(2, 2));
        let committed = store.at(60).records.commit_room(&attempt("a", 2), &next, Some(&room("r1")), until).await;
        assert_eq!(committed.unwrap(), Cas::TooLate);
        assert_eq!((read(&store).await.unwrap().room, queued(&store).await), (Some(room("r1")), vec!["r2".to_owned()]));
        assert_eq!(store.counts().await.open_attempts, 0);
    }

    async fn a_clock_that_is_set_back_keeps_nothing_waiting(store: TestStore) {
        const YEAR: i64 = 365 * 24 * 3600;
        let request = KeyedRequest { key: "k".into(), fingerprint: "f".into() };
        for step in [3600, 2 * 24 * 3600, YEAR] {
            store.at(step);
            assert_eq!(store.begin(&new_attempt("a", 1), Base::New).await, Cas::Applied(Base::New));
            store.queue_unless_used("r1").await;
            store.postpone("r1", 60, true).await;
            assert!(matches!(store.claim_key(&request, &id()).await, KeyClaim::Claimed { .. }));
            assert!(store.claim_job().await);
            store.at(0);
            let taken = store.claim_attempts().await;
            assert_eq!(taken.len(), 1, "{step}");
            store.resolve(&taken[0], AttemptResolution::NoRoom).await;
            assert_eq!(store.claim_retirements().await.len(), 1, "{step}");
            write!(store, |tx| tx.dequeue_room(&room("r1"))).unwrap();
            let KeyClaim::Claimed { fence, .. } = store.claim_key(&request, &id()).await else { panic!("{step}") };
            assert_eq!(store.end_key(&request, fence, KeyEnd::Failed).await, None);
            assert!(store.claim_job().await, "{step}");
        }
    }

    async fn the_first_row_of_the_user_map_wins(store: TestStore) {
        let person = ExternalId::parse("p").unwrap();
        for vendor in ["first", "second"] {
            let user = (person.clone(), UserId::new(vendor).unwrap());
            store.records.add_vendor_users(&[user]).await.unwrap();
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
    let database = Database::open_sqlite(&folder, Clock::system()).await.unwrap();
    let id = database.deployment().id.clone();
    database.close().await;
    let again = Database::open_sqlite(&folder, Clock::system()).await.unwrap();
    assert_eq!(again.deployment().id, id);
    assert!(matches!(Database::open_sqlite(&folder, Clock::system()).await, Err(sqlite::OpenError::InUse(_))));
    assert!(folder.join("teleconsult.sqlite3").is_file());
}

#[tokio::test]
async fn instances_on_one_database_share_their_identity() {
    let url = postgres_database().await;
    let opened = futures_util::future::join_all((0..4).map(|_| open_postgres(&url))).await;
    let ids: HashSet<String> = opened.into_iter().map(|database| database.unwrap().deployment().id.clone()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn no_query_of_a_request_scans_a_table() {
    let (store, _folder) = embedded_store().await;
    assert_eq!(store.database.dialect, Dialect::Sqlite);
    for query in [
        "SELECT * FROM teleconsultations WHERE id = $1 AND trashed_at IS NULL",
        "SELECT room_id FROM teleconsultations WHERE room_id IN (SELECT value FROM json_each($1))",
        "UPDATE teleconsultations SET version = 1 WHERE id = $1 AND version = $2 AND generation = $3 AND trashed_at IS NULL",
        "SELECT external_id FROM users WHERE external_id IN (SELECT value FROM json_each($1))",
        "SELECT fence FROM attempts WHERE id = $1 AND state <> 'lost'",
        "SELECT id FROM attempts WHERE vendor = $5 AND state <> 'lost' AND (lease_until <= $1 OR lease_until > $3) \
         ORDER BY lease_until LIMIT $2",
        "SELECT id FROM attempts WHERE teleconsultation_id = $3 AND vendor = $1 AND state <> 'lost' AND lease_until <= $2",
        "DELETE FROM attempts WHERE vendor = $1 AND state = 'lost' AND lease_until < $2",
        "SELECT room_id FROM retirements WHERE vendor = $5 AND gone_at IS NULL AND (due_at <= $1 OR due_at > $3) \
         ORDER BY due_at LIMIT $2",
        "SELECT min(due_at) FROM retirements WHERE vendor = $1",
        "DELETE FROM retirements WHERE gone_at < $1 OR gone_at > $2",
        "SELECT attempt_id FROM rooms WHERE room_id = $1 AND vendor = $2",
        "SELECT id FROM teleconsultations WHERE trashed_at IS NULL AND ends_at < $1 AND updated_at < $1 ORDER BY ends_at LIMIT $2",
        "SELECT id FROM teleconsultations WHERE trashed_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM retirements WHERE teleconsultation_id = teleconsultations.id AND gone_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM attempts WHERE teleconsultation_id = teleconsultations.id AND state <> 'lost') \
         ORDER BY trashed_at LIMIT $2",
        "DELETE FROM attempts WHERE teleconsultation_id IN (SELECT value FROM json_each($1))",
        "SELECT fingerprint FROM keyed_requests WHERE key = $1",
        "SELECT generation FROM documents WHERE id = $1",
        "SELECT room_id FROM documents WHERE room_id IN (SELECT value FROM json_each($1))",
        "SELECT count(*) FROM document_writes WHERE teleconsultation_id = $1 AND state = 'writing'",
        "SELECT id FROM document_writes WHERE due_at <= $2 OR due_at > $4 LIMIT $3",
        "UPDATE keyed_requests SET teleconsultation_id = $1 WHERE teleconsultation_id = $2",
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
