//! Teleconsultations that have been over for a long time leave the store, after their rooms.

use crate::support::database::Kind;
use crate::support::environment::Setup;

/// Makes all teleconsultations two days older, and the job due.
const TWO_DAYS_LATER: [&str; 3] = [
    "UPDATE teleconsultations SET starts_at = starts_at - 172800000, ends_at = ends_at - 172800000, \
     updated_at = updated_at - 172800000 WHERE trashed_at IS NULL",
    "UPDATE teleconsultations SET updated_at = updated_at - 172800000, trashed_at = trashed_at - 172800000 \
     WHERE trashed_at IS NOT NULL",
    "DELETE FROM job_runs",
];

async fn old_ones_leave_after_their_rooms(kind: Kind) {
    let setup = Setup::default().database(kind).variables(&[("TELECONSULT_RETENTION_DAYS", "1")]);
    let mut service = setup.in_process().await;
    service.create_running().await;
    let deleted = service.create_later().await;
    assert_eq!(service.delete(&deleted).await.status, 204);
    service.until_metric("teleconsult_room_pending_retirements", |waiting| waiting == 0.0).await;
    for statement in TWO_DAYS_LATER {
        service.database.execute(statement).await;
    }
    let young = service.create_running().await;
    service.restart().await;
    // The deleted one has no room any more; the room of the other one is deleted first.
    service.until_metric("teleconsult_retention_removals_total", |removed| removed == 1.0).await;
    service.until_metric("teleconsult_room_retirements_total", |deleted| deleted == 1.0).await;
    service.until_metric("teleconsult_room_pending_retirements", |waiting| waiting == 0.0).await;
    service.database.execute("DELETE FROM job_runs").await;
    service.restart().await;
    service.until_metric("teleconsult_retention_removals_total", |removed| removed == 1.0).await;
    let left = service.database.records().await;
    assert_eq!(left.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), [young.as_str()]);
    assert_eq!(service.emulator.live_rooms().len(), 1, "the room of the young one");
}

#[tokio::test]
async fn old_ones_leave_the_embedded_store_after_their_rooms() {
    old_ones_leave_after_their_rooms(Kind::Embedded).await;
}

#[tokio::test]
async fn old_ones_leave_postgres_after_their_rooms() {
    old_ones_leave_after_their_rooms(Kind::Postgres).await;
}
