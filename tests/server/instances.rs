//! Several instances on one database: a leader that sleeps past its lease does no harm, and work is shared.

use bandyer_client::emulator::Operation;
use reqwest::Method;

use crate::support::database::Kind;
use crate::support::in_minutes;
use crate::support::service::{PATIENCE, consultation, doctor, patient};
use crate::support::site::Site;

/// How often a leader is paused. More: `TELECONSULT_TEST_PAUSES=100 tests/run.sh instances`.
const PAUSES: usize = 3;

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
fn pauses() -> usize {
    std::env::var("TELECONSULT_TEST_PAUSES").map_or(PAUSES, |pauses| pauses.parse().unwrap())
}

/// A leader has its room and is paused until the other instance has taken the attempt over. When it wakes, the room is
/// refused, and it makes another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_that_is_paused_past_its_lease_makes_one_room_all_the_same() {
    let site = Site::new(Kind::Postgres).await;
    // Time for the pause to come between the vendor's answer and what is made of it.
    let (leader, other) = (site.start(&[("TELECONSULT_CRASH_POINTS", "C11=delay:300")]), site.start(&[]));
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    for n in 1..=pauses() {
        let (asked, deleted) =
            (site.emulator.calls_of(Operation::CreateRoom), site.emulator.calls_of(Operation::DeleteRoom));
        let (answer, ()) =
            tokio::join!(site.call(&leader.url, Method::POST, "/teleconsultation", &[], Some(&body)), async {
                let made = async {
                    while site.emulator.live_rooms().iter().filter(|room| !room.planted).count() < n {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(PATIENCE, made).await.expect("the room is made");
                leader.signal("STOP");
                // The other one finds the abandoned room by its marker.
                let taken_over = site.emulator.until_called(Operation::DeleteRoom, deleted + 1);
                tokio::time::timeout(PATIENCE, taken_over).await.expect("the other instance takes over");
                leader.signal("CONT");
            });
        assert_eq!(answer.as_ref().map(|(status, _)| *status), Some(201), "run {n}: {answer:?}");
        assert_eq!(site.emulator.calls_of(Operation::CreateRoom), asked + 2, "run {n}: the first room was not adopted");
        site.until_settled(&other.url).await.unwrap();
        let records = site.check_invariants().await.unwrap_or_else(|what| panic!("run {n}: {what}"));
        assert_eq!(records.len(), n);
    }
    println!("{} pauses", pauses());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_dead_instance_left_is_settled_by_the_others_without_a_restart() {
    let site = Site::new(Kind::Postgres).await;
    let (dying, other) = (site.start(&[("TELECONSULT_CRASH_POINTS", "C5=kill")]), site.start(&[]));
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let answer =
        site.call(&dying.url, Method::POST, "/teleconsultation", &[("idempotency-key", "k")], Some(&body)).await;
    assert_eq!(answer, None, "nothing was acknowledged");
    let settled = site.emulator.until_called(Operation::DeleteRoom, 1);
    tokio::time::timeout(PATIENCE, settled).await.expect("the other instance deletes the room");
    // The caller turns to the other instance, and gets what it asked for.
    let repeated = async {
        loop {
            let headers = [("idempotency-key", "k")];
            let answer = site.call(&other.url, Method::POST, "/teleconsultation", &headers, Some(&body)).await;
            // Until the lease of the dead one ends, the request counts as running.
            match answer {
                Some((201, _)) => return,
                answer => assert_eq!(answer.as_ref().map(|(status, _)| *status), Some(409), "{answer:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, repeated).await.expect("the key is free in the end");
    site.until_settled(&other.url).await.unwrap();
    assert_eq!(site.check_invariants().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_race_for_the_last_place_on_two_instances_make_one_room() {
    let site = Site::new(Kind::Postgres).await;
    let instances = [site.start(&[]), site.start(&[])];
    for n in 1..=5 {
        let body = consultation(&in_minutes(60), 3, &[doctor(), patient()]);
        let created = site.call(&instances[0].url, Method::POST, "/teleconsultation", &[], Some(&body)).await;
        let id = serde_json::from_str::<serde_json::Value>(&created.unwrap().1).unwrap()["roomId"].clone();
        let path = format!("/teleconsultation/{}/participants/data", id.as_str().unwrap());
        let add = |instance: usize, who: &'static str| {
            let (path, url) = (path.clone(), instances[instance].url.clone());
            let site = &site;
            async move { site.call(&url, Method::POST, &path, &[], Some(&crate::support::person(who, "patient"))).await }
        };
        let (a, b) = tokio::join!(add(0, "a"), add(1, "b"));
        let mut statuses = [a.unwrap().0, b.unwrap().0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        site.until_settled(&instances[1].url).await.unwrap();
        assert_eq!(site.check_invariants().await.unwrap().len(), n);
    }
}
