//! The sweep deletes orphaned rooms of this deployment, never rooms of others, and none on weak evidence.

use std::time::Duration;

use bandyer_client::emulator::{Action, Fault, Operation};
use bandyer_client::{ApiVersion, RoomId};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::support::crud_service::{OTHER_RECORDS, PEOPLE, RECORDS};
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient, pause};
use crate::support::{Service, in_minutes, on_every_platform};

const SWEEPING: &[(&str, &str)] =
    &[("TELECONSULT_SWEEP_INTERVAL_SECONDS", "1"), ("TELECONSULT_ORPHAN_GRACE_SECONDS", "1")];
const SWEEPS: &str = "teleconsult_room_sweeps_total";
const SUSPECTS: &str = "teleconsult_room_suspects";
const MOVED: &str = "teleconsult_records_moved";

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
    service.create_later().await;
    let lost = service.create_later().await;
    service.lose_record(&lost).await;
    service.until_metric(SUSPECTS, |suspects| suspects == 1.0).await;
    // The first of these confirms it.
    service.until_swept(2.0).await;
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::DeleteRoom)), (2, 0));
}

#[tokio::test]
async fn orphans_that_outnumber_the_needed_rooms_are_left_alone() {
    for needed in [0, 1] {
        let service = Service::start(ApiVersion::V2, SWEEPING).await;
        for _ in 0..needed {
            service.create_later().await;
        }
        for _ in 0..=needed {
            let lost = service.create_later().await;
            service.lose_record(&lost).await;
        }
        service.until_metric(SUSPECTS, |suspects| suspects == f64::from(needed + 1)).await;
        service.until_swept(2.0).await;
        assert_eq!(service.emulator.live_rooms().len(), 2 * needed as usize + 1);
        assert_eq!(service.emulator.calls_of(Operation::DeleteRoom), 0);
    }
}

/// As if the response to the creation of a room had been lost, and recovery had not found the room.
async fn plant_lost_room(service: &Service) -> RoomId {
    let mut connection = service.database.connect().await;
    let deployment: String = sqlx::query_scalar("SELECT id FROM deployment").fetch_one(&mut connection).await.unwrap();
    let add = "INSERT INTO attempts VALUES ('lost', 'of nothing', 1, '', 'lost', 0, 0, 1, $1)";
    let vendor = format!("{} v2", service.emulator.address());
    sqlx::query(add).bind(vendor).execute(&mut connection).await.unwrap();
    service.emulator.plant_room(&format!("tc1.{deployment}.lost"))
}

#[tokio::test]
async fn the_room_of_a_lost_attempt_is_deleted_at_the_first_look() {
    let service = Service::start(ApiVersion::V2, &[SWEEPING[0]]).await;
    plant_lost_room(&service).await;
    service.until_called(Operation::DeleteRoom, 1).await;
    service.until_metric("teleconsult_room_possible_leaks", |leaks| leaks == 0.0).await;
    assert!(service.emulator.live_rooms().is_empty());
}

#[tokio::test]
async fn a_room_behind_20_100_rooms_of_others_is_found_by_sweeps() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULT_SWEEP_INTERVAL_SECONDS", "86400")]).await;
    let hidden = plant_lost_room(&service).await;
    for _ in 0..20_100 {
        service.emulator.plant_room("visit");
    }
    let mut service = service;
    service.restart_with(&SWEEPING[..1]).await;
    service.until_called(Operation::DeleteRoom, 1).await;
    assert!(service.emulator.live_rooms().iter().all(|room| room.id != hidden.as_str()));
    assert_eq!(service.emulator.live_rooms().len(), 20_100);
    assert!(service.metric("teleconsult_room_partial_sweeps_total").await.unwrap() >= 2.0);
}

#[tokio::test]
async fn a_room_deleted_while_a_sweep_reads_is_no_suspect() {
    let service = Service::start(ApiVersion::V2, SWEEPING).await;
    service.create_later().await;
    let id = service.create_later().await;
    service.until_swept(2.0).await;
    // The list is made at once and arrives slowly.
    let slowly = Action::SlowBody(Duration::from_millis(4));
    service.emulator.faults().add(Fault::on(Operation::ListRooms).action(slowly));
    service.until_called(Operation::ListRooms, service.emulator.calls_of(Operation::ListRooms) + 1).await;
    let sweeps = service.metric(SWEEPS).await.unwrap();
    assert_eq!(service.delete(&id).await.status, 204);
    service.until_metric("teleconsult_room_retirements_total", |deleted| deleted == 1.0).await;
    assert_eq!(service.metric(SWEEPS).await, Some(sweeps), "the list still arrives");
    service.until_metric(SWEEPS, |now| now > sweeps).await;
    assert_eq!(service.metric(SUSPECTS).await, Some(0.0));
}

/// Waits for this many runs of the sweep job that start from now on.
async fn until_job_ran(service: &Service, times: usize) {
    let mut connection = service.database.connect().await;
    let mut due = async || {
        let due = sqlx::query_scalar::<_, i64>("SELECT due_at FROM job_runs WHERE name = 'sweep'");
        due.fetch_optional(&mut connection).await.unwrap()
    };
    let ran = async {
        for _ in 0..=times {
            let before = due().await;
            while due().await == before {
                pause().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ran).await.expect("the sweep job runs");
}

#[tokio::test]
async fn no_room_is_deleted_while_the_records_are_elsewhere() {
    let mut service = Service::on(Platform::CRUD, ApiVersion::V2, SWEEPING).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(service.create_running().await);
    }
    let elsewhere = ("TELECONSULTATIONS_CRUD_NAME", OTHER_RECORDS);
    service.restart_with(&[elsewhere]).await;
    // The room of this one alone would be needed there, and it waits for its deletion like all others.
    let there = service.create_later().await;
    assert_eq!(service.delete(&there).await.status, 204);
    until_job_ran(&service, 4).await;
    assert_eq!(service.metric(MOVED).await, Some(1.0));
    assert_eq!(service.metric("teleconsult_room_pending_retirements").await, Some(1.0));
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::DeleteRoom)), (4, 0));

    service.restart_with(&[("TELECONSULTATIONS_CRUD_NAME", RECORDS)]).await;
    service.until_swept(3.0).await;
    assert_eq!(service.metric(MOVED).await, Some(0.0));
    for id in &ids {
        assert_eq!(service.open(&service.link(id, "patient-42").await).await.0, 200);
    }
    service.until_metric("teleconsult_room_pending_retirements", |pending| pending == 0.0).await;
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::DeleteRoom)), (3, 1));
}

#[tokio::test]
async fn a_move_of_the_records_is_confirmed_by_a_setting() {
    let mut service = Service::on(Platform::CRUD, ApiVersion::V2, SWEEPING).await;
    let elsewhere = ("TELECONSULTATIONS_CRUD_NAME", OTHER_RECORDS);
    let address = service.variable("CRUD_SERVICE_URL").unwrap();
    let place = format!(
        "CRUD Service {}, collections {OTHER_RECORDS} and {PEOPLE}",
        address.trim_start_matches("http://").trim_end_matches('/')
    );
    let fingerprint = HEXLOWER.encode(&Sha256::digest(&place)[..4]);
    service.restart_with(&[elsewhere, ("TELECONSULT_RECORDS_MOVED", "00000000")]).await;
    assert_eq!(service.metric(MOVED).await, Some(1.0));
    service.restart_with(&[elsewhere, ("TELECONSULT_RECORDS_MOVED", &fingerprint)]).await;
    assert_eq!(service.metric(MOVED).await, Some(0.0));
    service.restart_with(&[elsewhere]).await;
    assert_eq!(service.metric(MOVED).await, Some(0.0));
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
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the room is deleted");
}
