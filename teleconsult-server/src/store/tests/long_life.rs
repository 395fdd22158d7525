//! What a database holds after years: bad rows, and rows that nobody needs any more.

use super::*;

/// The participants column of every record, in the trash too.
async fn participants(store: &TestStore) -> Vec<String> {
    let all = sqlx::query_scalar("SELECT participants FROM teleconsultations");
    all.fetch_all(&store.database.readers).await.unwrap()
}

on_both_databases! {
    async fn links_leave_a_record_with_its_trashing(store: TestStore) {
        with_record(&store, "r1").await;
        assert!(participants(&store).await[0].contains("https://h/r1/d"));
        let trashed = store.records.trash(&record(Some("r1"), at(1, 1)), now()).await.unwrap();
        assert_eq!(trashed, Cas::Applied(()));
        let left = participants(&store).await.remove(0);
        assert!(!left.contains("https") && left.contains(r#""userBandyerId":"tc_d""#), "{left}");
    }

    async fn an_unreadable_attempt_stops_no_other(store: TestStore) {
        assert_eq!(store.begin(&attempt("good", 1), Base::New).await, Cas::Applied(Base::New));
        assert_eq!(store.begin(&attempt("bad", 1), Base::New).await, Cas::Applied(Base::New));
        let change = "UPDATE attempts SET started_at = $1 WHERE id = $2";
        write!(store, |tx| tx.execute(change, i64::MAX, "bad")).unwrap();
        let ids = |claimed: Vec<Attempt>| claimed.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(claimed(&store, later(100)).await), ["good"]);
        assert_eq!(ids(claimed(&store, later(200)).await), ["good"]);
        assert_eq!(store.counts().await.unreadable_rows, 1);
        write!(store, |tx| tx.execute(change, 0, "bad")).unwrap();
        assert_eq!(claimed(&store, later(300)).await.len(), 2);
        assert_eq!(store.counts().await.unreadable_rows, 0, "it was repaired");
    }

    async fn an_unreadable_deletion_stops_no_other(store: TestStore) {
        store.queue_unless_used("good").await;
        store.queue_unless_used("bad").await;
        write!(store, |tx| tx.execute("UPDATE retirements SET failures = $1 WHERE room_id = $2", -1, "bad")).unwrap();
        let claimed = store.claim_retirements(now(), later(60)).await;
        assert_eq!(claimed.into_iter().map(|one| one.room).collect::<Vec<_>>(), [room("good")]);
        assert_eq!(store.counts().await.unreadable_rows, 1);
        // Nor does a time that cannot be represented.
        write!(store, |tx| tx.execute("UPDATE retirements SET due_at = $1 WHERE $2 <> ''", i64::MAX, "all")).unwrap();
        assert_eq!(store.database.read().next_retirement().await.unwrap(), Some(Timestamp::MAX));
    }
}
