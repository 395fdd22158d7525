//! Clocks that are set, and clocks that differ between instances.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use jiff::SignedDuration;
use reqwest::Method;
use teleconsult_server::app::Running;

use crate::support::clock::TestClock;
use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Response, Service, Setup, http_client, in_minutes};

const CREATE: &str = "/teleconsultation";

/// More than any wait except those for the age of a record or a key, less and more than a key is kept, and more than both.
const STEPS: [SignedDuration; 5] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(-1),
    SignedDuration::from_hours(48),
    SignedDuration::from_hours(365 * 24),
    SignedDuration::from_hours(-365 * 24),
];

async fn until_settled(service: &Service) {
    for metric in ["teleconsult_room_open_attempts", "teleconsult_room_pending_retirements"] {
        service.until_metric(metric, |count| count == 0.0).await;
    }
}

/// A step while a room's creation is unresolved and the deletion of another one waits: neither waits longer for it, and what
/// was done before stays.
async fn does_no_harm(platform: Platform, step: SignedDuration) {
    let service = Setup::default().platform(platform).frequent_jobs().in_process().await;
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let kept = service.post_keyed(CREATE, "kept", &body).await;
    assert_eq!(kept.status, 201, "{step}: {kept:?}");
    let deleted = service.create_later().await;
    let faults = service.emulator.faults();
    faults.add(Fault::on(Operation::CreateRoom).reset_after());
    faults.add(Fault::on(Operation::ListRooms).always().status(500));
    faults.add(Fault::on(Operation::DeleteRoom).always().status(500));
    let unresolved = service.post(CREATE, &body).await;
    assert_eq!(unresolved.status, 502, "{step}: {unresolved:?}");
    assert_eq!(service.delete(&deleted).await.status, 204, "{step}");

    service.clock.set_ahead(step);
    service.emulator.faults().clear();
    until_settled(&service).await;
    assert_eq!(service.emulator.live_rooms().len(), 1, "{step}");
    service.until_metric("teleconsult_room_sweeps_total", |sweeps| sweeps >= 1.0).await;

    service.clock.set_ahead(SignedDuration::ZERO);
    let repeated = service.post_keyed(CREATE, "kept", &body).await;
    assert_eq!((repeated.status, &repeated.text), (201, &kept.text), "{step}");
    service.link(kept.json()["roomId"].as_str().unwrap(), "patient-42").await;
    let another = service.create_later().await;
    assert_eq!(service.delete(&another).await.status, 204, "{step}");
    until_settled(&service).await;
    assert_eq!(service.emulator.live_rooms().len(), 1, "{step}");
}

async fn steps_do_no_harm(platform: Platform) {
    futures_util::future::join_all(STEPS.map(|step| does_no_harm(platform, step))).await;
}

#[tokio::test]
async fn a_step_of_the_clock_does_no_harm_in_the_embedded_store() {
    steps_do_no_harm(Platform::ALONE).await;
}

#[tokio::test]
async fn a_step_of_the_clock_does_no_harm_in_postgres() {
    steps_do_no_harm(Platform::POSTGRES).await;
}

#[tokio::test]
async fn a_step_of_the_clock_does_no_harm_in_the_crud_service() {
    steps_do_no_harm(Platform::CRUD).await;
}

#[tokio::test]
async fn a_step_of_the_clock_does_no_harm_in_crud_and_postgres() {
    steps_do_no_harm(Platform::POSTGRES_CRUD).await;
}

#[tokio::test]
async fn a_clock_that_was_wrong_at_the_start_does_no_harm_later() {
    for platform in [Platform::ALONE, Platform::CRUD] {
        for step in STEPS {
            let mut service = Setup::default().platform(platform).frequent_jobs().in_process().await;
            service.clock.set_ahead(step);
            service.restart().await;
            let deleted = service.create_later().await;
            service.emulator.faults().add(Fault::on(Operation::DeleteRoom).status(500));
            assert_eq!(service.delete(&deleted).await.status, 204, "{step}");
            service.clock.set_ahead(SignedDuration::ZERO);
            service.restart().await;
            until_settled(&service).await;
            service.create_running().await;
            assert_eq!(service.emulator.live_rooms().len(), 1, "{step}");
        }
    }
}

async fn view(instance: &Running, id: &str) -> Response {
    let url = format!("http://{}/teleconsultation/{id}", instance.address());
    let response = http_client().request(Method::GET, url).header("miauserid", "patient-42").send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Response { status, headers, text: response.text().await.unwrap() }
}

/// Further apart than a lease is long, in either direction.
const SKEWS: [SignedDuration; 2] = [SignedDuration::from_secs(200), SignedDuration::from_secs(-200)];

#[tokio::test]
async fn instances_whose_clocks_differ_take_nothing_from_each_other() {
    for platform in [Platform::POSTGRES, Platform::POSTGRES_CRUD] {
        for skew in SKEWS {
            let variables =
                [("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "1"), ("TELECONSULT_SWEEP_INTERVAL_SECONDS", "1")];
            let service = Service::on(platform, ApiVersion::V2, &variables).await;
            let clock = TestClock::default();
            clock.set_ahead(skew);
            let other = service.start_beside(&clock).await;
            let slow = Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(4)));
            service.emulator.faults().add(slow);
            // Opens in less time than the clocks differ.
            let body = consultation(&in_minutes(2), 2, &[doctor(), patient()]);
            let created = service.post_keyed(CREATE, "k", &body).await;
            assert_eq!(created.status, 201, "{skew}: {created:?}");
            let calls = [Operation::CreateRoom, Operation::DeleteRoom].map(|one| service.emulator.calls_of(one));
            assert_eq!(calls, [1, 0], "{skew}");
            let id = created.json()["roomId"].as_str().unwrap().to_owned();
            let views = [service.view(&id, "patient-42").await, view(&other, &id).await];
            for view in views {
                assert!(view.status == 200 && view.json()["accessLinkURL"].is_null(), "{skew}: {view:?}");
            }
            other.stop().await;
        }
    }
}
