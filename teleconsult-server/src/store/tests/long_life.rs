//! What a database holds after years: bad rows, and rows that are no longer needed.

use super::*;

/// The participants column of every record, in the trash too.
async fn participants(store: &TestStore) -> Vec<String> {
    let all = sqlx::query_scalar("SELECT participants FROM teleconsultations");
    all.fetch_all(&store.database.readers).await.unwrap()
}

/// How long records are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(10_000);

/// With the moment before which a record must have ended.
async fn trash_ended(store: &TestStore, before: i64, limit: u32) -> u32 {
    store.at(before + KEPT_FOR.as_secs());
    write!(store, |tx| tx.trash_ended(KEPT_FOR, limit)).unwrap()
}

/// With the moment before which a record must have been moved to the trash.
async fn remove_trashed(store: &TestStore, before: i64) -> u32 {
    store.at(before + KEPT_FOR.as_secs());
    write!(store, |tx| tx.remove_trashed(KEPT_FOR, 10)).unwrap()
}

on_both_databases! {
    async fn links_leave_a_record_with_its_trashing(store: TestStore) {
        with_record(&store, "r1").await;
        assert!(participants(&store).await[0].contains("https://h/r1/d"));
        let trashed = store.records.trash(&record(Some("r1"), at(1, 1))).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        let left = participants(&store).await.remove(0);
        assert!(!left.contains("https") && left.contains(r#""userBandyerId":"tc_d""#), "{left}");
    }

    async fn an_unreadable_attempt_stops_no_other(store: TestStore) {
        assert_eq!(store.begin(&new_attempt("good", 1), Base::New).await, Cas::Applied(Base::New));
        assert_eq!(store.begin(&new_attempt("bad", 1), Base::New).await, Cas::Applied(Base::New));
        let change = "UPDATE attempts SET started_at = $1 WHERE id = $2";
        write!(store, |tx| tx.execute(change, i64::MAX, "bad")).unwrap();
        let ids = |claimed: Vec<Attempt>| claimed.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(store.at(100).claim_attempts().await), ["good"]);
        assert_eq!(ids(store.at(200).claim_attempts().await), ["good"]);
        assert_eq!(store.counts().await.unreadable_rows, 1);
        write!(store, |tx| tx.execute(change, 0, "bad")).unwrap();
        assert_eq!(store.at(300).claim_attempts().await.len(), 2);
        assert_eq!(store.counts().await.unreadable_rows, 0, "it was repaired");
    }

    async fn an_unreadable_deletion_stops_no_other(store: TestStore) {
        store.queue_unless_used("good").await;
        store.queue_unless_used("bad").await;
        write!(store, |tx| tx.execute("UPDATE retirements SET failures = $1 WHERE room_id = $2", -1, "bad")).unwrap();
        let claimed = store.claim_retirements().await;
        assert_eq!(claimed.into_iter().map(|one| one.room).collect::<Vec<_>>(), [room("good")]);
        assert_eq!(store.counts().await.unreadable_rows, 1);
        // Nor does a time that cannot be represented.
        write!(store, |tx| tx.execute("UPDATE retirements SET due_at = $1 WHERE $2 <> ''", i64::MAX, "all")).unwrap();
        assert_eq!(store.database.read().next_retirement().await.unwrap(), Some(Timestamp::MAX.duration_since(now())));
    }

    async fn an_unreadable_record_is_an_error_and_counted(store: TestStore) {
        with_record(&store, "r1").await;
        let change = "UPDATE teleconsultations SET starts_at = $1 WHERE $2 <> ''";
        write!(store, |tx| tx.execute(change, i64::MAX, "all")).unwrap();
        for _ in 0..2 {
            assert!(store.records.get(&id()).await.is_err());
        }
        assert_eq!(store.counts().await.unreadable_rows, 1);
    }

    async fn an_old_record_leaves_after_its_room(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(trash_ended(&store, 1800, 10).await, 0, "it has not ended before");
        assert_eq!(trash_ended(&store, 1801, 10).await, 1);
        assert!(read(&store).await.is_none() && store.records.stored_for(&id()).await.unwrap().is_some());
        assert!(!participants(&store).await[0].contains("https"));
        assert_eq!(remove_trashed(&store, 1801).await, 0, "its room still exists");
        let due = store.claim_retirements().await;
        assert_eq!((due[0].room.clone(), due[0].teleconsultation.clone()), (room("r1"), Some(id())));
        write!(store, |tx| tx.dequeue_room(&room("r1"))).unwrap();
        assert_eq!(remove_trashed(&store, 1800).await, 0, "it is not old enough");
        assert_eq!(remove_trashed(&store, 1801).await, 1);
        assert!(store.records.stored_for(&id()).await.unwrap().is_none());
    }

    async fn a_record_in_the_trash_leaves_with_its_lost_attempts(store: TestStore) {
        with_record(&store, "r1").await;
        assert_eq!(store.begin(&new_attempt("a", 2), at(1, 1)).await, Cas::Applied(at(2, 2)));
        let trashed = store.at(10).records.trash(&record(None, at(2, 2))).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        assert_eq!(remove_trashed(&store, 11).await, 0, "an attempt is open");
        store.resolve(&attempt("a", 2), AttemptResolution::Lost).await;
        assert_eq!(remove_trashed(&store, 10).await, 0, "it is not in the trash since before");
        assert_eq!(remove_trashed(&store, 11).await, 1);
        assert_eq!(store.counts().await, JournalCounts::default());
    }

    async fn a_record_that_was_changed_recently_stays(store: TestStore) {
        with_record(&store, "r1").await;
        let changed = store.at(9000).records.update(&record(Some("r1"), at(1, 1)), None, None).await.unwrap();
        assert_eq!(changed, Cas::Applied(()));
        assert_eq!(trash_ended(&store, 9000, 10).await, 0);
        assert_eq!(trash_ended(&store, 9001, 10).await, 1);
    }

    async fn old_records_leave_in_batches(store: TestStore) {
        with_record(&store, "r1").await;
        let other = Teleconsultation { id: TeleconsultationId::parse("other").unwrap(), ..record(None, Base::New) };
        store.records.insert(&other).await.unwrap();
        for _ in 0..2 {
            assert_eq!(trash_ended(&store, 9000, 1).await, 1);
        }
        assert_eq!(trash_ended(&store, 9000, 10).await, 0);
        assert_eq!(remove_trashed(&store, 9000).await, 1, "the other one has a room");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_stop_no_other_row_in_a_file() {
    let (store, _folder) = embedded_store().await;
    for name in ["a", "bad", "z"] {
        assert_eq!(store.begin(&new_attempt(name, 1), Base::New).await, Cas::Applied(Base::New));
    }
    let change = "UPDATE attempts SET spec_digest = CAST(x'ff' AS TEXT) WHERE $1 = 0 AND id = $2";
    write!(store, |tx| tx.execute(change, 0, "bad")).unwrap();
    assert_eq!(store.at(100).claim_attempts().await.len(), 2);
    assert_eq!(store.counts().await.unreadable_rows, 1);
}
