//! Several instances on one database: a leader that is paused past its lease does no harm, and work is shared.

use std::time::Duration;

use bandyer_client::emulator::{Action, Fault, Operation};
use reqwest::Method;

use crate::support::database::Kind;
use crate::support::in_minutes;
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient, pause};
use crate::support::site::Site;

/// How often a leader is paused. To run more: `TELECONSULT_TEST_PAUSES=100 tests/run.sh instances`.
const PAUSES: usize = 3;

#[expect(clippy::disallowed_methods, reason = "the number of runs is chosen on the command line of the tests")]
fn pauses() -> usize {
    std::env::var("TELECONSULT_TEST_PAUSES").map_or(PAUSES, |pauses| pauses.parse().unwrap())
}

/// A leader whose room has been created is paused until the other instance has taken over the attempt. When it
/// continues, its room is rejected, and it creates another one.
async fn pause_a_leader(platform: Platform) {
    let site = Site::on(platform).await;
    // The delay lets the pause come between the vendor's response and its processing.
    let (leader, other) = (site.start(&[("TELECONSULT_CRASH_POINTS", "C11=delay:300")]), site.start(&[]));
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    for n in 1..=pauses() {
        let (created, deleted) =
            (site.emulator.calls_of(Operation::CreateRoom), site.emulator.calls_of(Operation::DeleteRoom));
        let (response, ()) =
            tokio::join!(site.call(&leader.url, Method::POST, "/teleconsultation", &[], Some(&body)), async {
                let room_created = async {
                    while site.emulator.live_rooms().iter().filter(|room| !room.planted).count() < n {
                        pause().await;
                    }
                };
                tokio::time::timeout(PATIENCE, room_created).await.expect("the room is created");
                leader.signal("STOP");
                // The other instance finds the abandoned room by its marker.
                let taken_over = site.emulator.until_called(Operation::DeleteRoom, deleted + 1);
                taken_over.await.expect("the other instance takes over");
                leader.signal("CONT");
            });
        assert_eq!(response.as_ref().map(|(status, _)| *status), Some(201), "run {n}: {response:?}");
        assert_eq!(
            site.emulator.calls_of(Operation::CreateRoom),
            created + 2,
            "run {n}: the first room was not adopted"
        );
        site.until_settled(&other.url).await.unwrap();
        let records = site.check_invariants().await.unwrap_or_else(|what| panic!("run {n}: {what}"));
        assert_eq!(records.len(), n);
    }
    println!("{} pauses", pauses());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_paused_past_its_lease_still_leaves_one_room() {
    pause_a_leader(Platform::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_paused_past_its_lease_leaves_one_room_in_the_crud_service() {
    pause_a_leader(Platform::POSTGRES_CRUD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn work_of_a_dead_instance_is_recovered_without_a_restart() {
    let site = Site::new(Kind::Postgres).await;
    let (dying, other) = (site.start(&[("TELECONSULT_CRASH_POINTS", "C5=kill")]), site.start(&[]));
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let response =
        site.call(&dying.url, Method::POST, "/teleconsultation", &[("idempotency-key", "k")], Some(&body)).await;
    assert_eq!(response, None, "nothing was acknowledged");
    let settled = site.emulator.until_called(Operation::DeleteRoom, 1);
    settled.await.expect("the other instance deletes the room");
    // The caller repeats the request at the other instance and succeeds.
    let repeated = async {
        loop {
            let headers = [("idempotency-key", "k")];
            let response = site.call(&other.url, Method::POST, "/teleconsultation", &headers, Some(&body)).await;
            // Until the lease of the dead instance ends, the request counts as running.
            match response {
                Some((201, _)) => return,
                response => assert_eq!(response.as_ref().map(|(status, _)| *status), Some(409), "{response:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, repeated).await.expect("the key is released eventually");
    site.until_settled(&other.url).await.unwrap();
    assert_eq!(site.check_invariants().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_attempt_is_recovered_although_the_search_for_its_room_takes_longer_than_a_lease() {
    let site = Site::new(Kind::Postgres).await;
    let (dying, other) = (site.start(&[("TELECONSULT_CRASH_POINTS", "C5=kill")]), site.start(&[]));
    let _third = site.start(&[]);
    // A lease lasts a second. Instances that take over from each other while they search would never come to an end.
    let slow = Fault::on(Operation::ListRooms).always().action(Action::Delay(Duration::from_millis(2500)));
    site.emulator.faults().add(slow);
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    assert_eq!(site.call(&dying.url, Method::POST, "/teleconsultation", &[], Some(&body)).await, None);
    site.until_settled(&other.url).await.unwrap();
    assert_eq!(site.check_invariants().await.unwrap().len(), 0);
}

async fn race_for_the_last_place(platform: Platform) {
    let site = Site::on(platform).await;
    let instances = [site.start(&[]), site.start(&[])];
    for n in 1..=5 {
        let body = consultation(&in_minutes(60), 3, &[doctor(), patient()]);
        let created = site.call(&instances[0].url, Method::POST, "/teleconsultation", &[], Some(&body)).await;
        let id = serde_json::from_str::<serde_json::Value>(&created.unwrap().1).unwrap()["roomId"].clone();
        let path = format!("/teleconsultation/{}/participants/data", id.as_str().unwrap());
        let add = |instance: usize, user: &'static str| {
            let (path, url) = (path.clone(), instances[instance].url.clone());
            let site = &site;
            async move { site.call(&url, Method::POST, &path, &[], Some(&crate::support::person(user, "patient"))).await }
        };
        let (a, b) = tokio::join!(add(0, "a"), add(1, "b"));
        let mut statuses = [a.unwrap().0, b.unwrap().0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        site.until_settled(&instances[1].url).await.unwrap();
        assert_eq!(site.check_invariants().await.unwrap().len(), n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_for_the_last_place_on_two_instances_makes_one_room() {
    race_for_the_last_place(Platform::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_for_the_last_place_makes_one_room_in_the_crud_service() {
    race_for_the_last_place(Platform::POSTGRES_CRUD).await;
}
