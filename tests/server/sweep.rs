//! The sweep deletes orphaned rooms of this deployment, never rooms of others, and none when most rooms seem to be orphans.

use std::time::{Duration, Instant};

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};

use crate::support::service::{PATIENCE, consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform};

const SWEEPING: &[(&str, &str)] =
    &[("TELECONSULT_SWEEP_INTERVAL_SECONDS", "1"), ("TELECONSULT_ORPHAN_GRACE_SECONDS", "1")];
const SWEEPS: &str = "teleconsult_room_sweeps_total";

fn sweeping(_: ApiVersion) -> crate::support::service::Variables {
    SWEEPING
}

impl Service {
    /// Removes a record behind the service's back, so that its room becomes an orphan.
    async fn lose_record(&self, id: &str) {
        match &self.crud {
            Some(crud) => crud.lose(id),
            None => {
                let mut connection = self.database.connect().await;
                let query = sqlx::query("DELETE FROM teleconsultations WHERE id = $1").bind(id.to_owned());
                query.execute(&mut connection).await.unwrap();
            }
        }
    }

    /// Waits for this many sweeps that start from now on.
    async fn until_swept(&self, times: f64) {
        let before = self.metric(SWEEPS).await.unwrap();
        self.until_metric(SWEEPS, |sweeps| sweeps >= before + times + 1.0).await;
    }
}

on_every_platform! {
    with sweeping;
    async fn an_orphan_is_deleted_and_nothing_else(service: Service) {
        let decoys = ["visit", "tc1.", "tc1.other000.0190"].map(|text| service.emulator.plant_room(text));
        let kept = service.create_later().await;
        let kept_room = service.room_and_users().0;
        let lost = service.create_later().await;
        service.lose_record(&lost).await;
        service.until_called(Operation::DeleteRoom, 1).await;
        service.until_swept(1.0).await;
        let live = service.emulator.live_rooms();
        assert_eq!(live.len(), decoys.len() + 1, "{live:?}");
        assert!(decoys.iter().chain([&kept_room]).all(|room| live.iter().any(|live| *room == live.id.as_str())));
        assert_eq!(service.view(&kept, "patient-42").await.status, 200);
        assert_eq!(service.metric("teleconsult_room_swept_orphans_total").await, Some(1.0));
    }
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let variables = [SWEEPING[0], SWEEPING[1], ("TELECONSULT_SWEEP_DRY_RUN", "true")];
    let service = Service::start(ApiVersion::V2, &variables).await;
    let lost = service.create_later().await;
    service.lose_record(&lost).await;
    // The second one from now on finds the room old enough.
    service.until_swept(2.0).await;
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::DeleteRoom)), (1, 0));
}

#[tokio::test]
async fn when_most_rooms_seem_to_be_orphans_none_is_deleted() {
    let service = Service::start(ApiVersion::V2, SWEEPING).await;
    let mut connection = service.database.connect().await;
    let deployment: String = sqlx::query_scalar("SELECT id FROM deployment").fetch_one(&mut connection).await.unwrap();
    // No sweep may see only some of them as old enough: the job is not due until all of them are.
    let set_due =
        "INSERT INTO job_runs (name, due_at) VALUES ('sweep', $1) ON CONFLICT (name) DO UPDATE SET due_at = $1";
    sqlx::query(set_due).bind(i64::MAX).execute(&mut connection).await.unwrap();
    // As if the service had been started on the wrong database.
    for n in 0..21 {
        service.emulator.plant_room(&format!("tc1.{deployment}.{n}"));
    }
    let planted = Instant::now();
    while planted.elapsed() <= Duration::from_secs(1) {
        service.get("/-/healthz", "").await;
    }
    sqlx::query(set_due).bind(0_i64).execute(&mut connection).await.unwrap();
    service.until_swept(2.0).await;
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::DeleteRoom)), (21, 0));
}

#[tokio::test]
async fn a_possible_leak_is_cleared_by_a_sweep_that_finds_nothing() {
    let soon = [("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "1"), ("TELECONSULT_LEASE_SECONDS", "1")];
    let service = Service::start(ApiVersion::V2, &[SWEEPING[0], SWEEPING[1], soon[0], soon[1]]).await;
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_before());
    let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
    assert_eq!(service.post("/teleconsultation", &body).await.status, 502);
    // Recovery abandons the attempt after the grace period; a sweep one grace period after its lease clears the leak.
    service.until_metric("teleconsult_room_open_attempts", |open| open == 0.0).await;
    service.until_metric("teleconsult_room_possible_leaks", |leaks| leaks == 0.0).await;
    assert!(service.emulator.rooms().is_empty());
}

#[tokio::test]
async fn a_room_that_resists_deletion_is_parked_until_a_restart() {
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    service.emulator.faults().add(Fault::on(Operation::DeleteRoom).always().status(500));
    let id = service.create_later().await;
    assert_eq!(service.delete(&id).await.status, 204);
    service.until_metric("teleconsult_room_pending_retirements", |pending| pending == 1.0).await;
    // As if it had failed for four hours.
    service.database.execute("UPDATE retirements SET failures = 29").await;
    service.restart_later().await;
    service.until_metric("teleconsult_room_parked_retirements", |parked| parked == 1.0).await;
    assert_eq!(service.metric("teleconsult_room_pending_retirements").await, Some(0.0));
    service.emulator.faults().clear();
    service.restart().await;
    service.until_metric("teleconsult_room_parked_retirements", |parked| parked == 0.0).await;
    let gone = async {
        while !service.emulator.live_rooms().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the room is deleted");
}
