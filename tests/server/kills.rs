//! The real binary, killed again and again under load while the vendor misbehaves and the process breaks at random points.
//! In the end every room of ours belongs to exactly one record, nothing that was acknowledged is lost or half done, and
//! whoever asked again under the same key got what was asked for, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bandyer_client::emulator::{Action, Fault, Operation};
use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::Process;
use crate::support::database::Kind;
use crate::support::service::{PATIENCE, consultation};
use crate::support::site::Site;
use crate::support::{in_minutes, person};

/// How often the server is killed. A longer run: `TELECONSULT_TEST_KILLS=1000 tests/run.sh kills`.
const KILLS: usize = 8;
const CALLERS: usize = 6;

/// What callers were told: for each teleconsultation the patients it may have. More than one where an answer was lost.
type Told = Mutex<BTreeMap<String, BTreeSet<String>>>;

struct Load {
    site: Site,
    /// Where callers turn to, in turn.
    servers: Vec<String>,
    told: Told,
    stop: AtomicBool,
}

impl Load {
    /// Creates, changes and deletes until it is told to stop; an answer that never comes leaves both possibilities open.
    async fn call_for_ever(self: Arc<Self>, caller: usize, mut random: Rng) {
        let mut mine: Vec<String> = Vec::new();
        let mut keys = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let patient = format!("p{}", random.u32(..40));
            let people = [person("d", "doctor"), person(&patient, "patient")];
            let server = &self.servers[random.usize(..self.servers.len())];
            let choice = random.u32(..10);
            if choice < 5 || mine.is_empty() {
                keys += 1;
                let body = consultation(&in_minutes(60), 2, &people);
                let id = self.create(&format!("{caller}-{keys}"), &body, &mut random).await;
                self.told().insert(id.clone(), [patient].into());
                mine.push(id);
            } else if choice < 8 {
                let id = &mine[random.usize(..mine.len())];
                self.told().get_mut(id).unwrap().insert(patient.clone());
                let body = json!({"participants": {"number": 2, "data": people}});
                let path = format!("/teleconsultation/{id}");
                let answer = self.site.call(server, Method::PATCH, &path, &[], Some(&body)).await;
                if answer.is_some_and(|(status, _)| status == 204) {
                    self.told().insert(id.clone(), [patient].into());
                }
            } else {
                let id = mine.swap_remove(random.usize(..mine.len()));
                self.told().remove(&id);
                // Done or not, both are right from here on; the rooms tell whether it was done by halves.
                let path = format!("/teleconsultation/{id}");
                let _ = self.site.call(server, Method::DELETE, &path, &[], None).await;
            }
        }
    }

    /// Asks under one key until it is so, whatever happens to the servers meanwhile. Two answers must be the same one.
    async fn create(&self, key: &str, body: &Value, random: &mut Rng) -> String {
        let ask = async || {
            let server = &self.servers[random.usize(..self.servers.len())];
            let headers = [("idempotency-key", key)];
            let answer = self.site.call(server, Method::POST, "/teleconsultation", &headers, Some(body)).await;
            answer.filter(|(status, _)| *status == 201)
        };
        let (mut ask, mut first) = (ask, None);
        loop {
            match (ask().await, &first) {
                (Some(answer), Some(first)) => {
                    assert_eq!(answer, *first, "one key, two answers");
                    return serde_json::from_str::<Value>(&answer.1).unwrap()["roomId"].as_str().unwrap().to_owned();
                }
                (Some(answer), None) => first = Some(answer),
                // Nobody is there at this moment.
                (None, _) => tokio::task::yield_now().await,
            }
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.told.lock().unwrap()
    }
}

fn some_fault(random: &mut Rng) -> Fault {
    let faults = [
        Fault::on(Operation::CreateRoom).reset_after(),
        Fault::on(Operation::CreateRoom).reset_before(),
        Fault::on(Operation::CreateRoom).status(500).after_effect(),
        Fault::on(Operation::CreateRoom).action(Action::Garbage),
        Fault::on(Operation::CreateUser).reset_after(),
        Fault::on(Operation::DeleteRoom).status(500),
        Fault::on(Operation::ListRooms).status(500),
    ];
    faults[random.usize(..faults.len())].clone()
}

/// Where the next process breaks, if it does.
fn some_crash_point(random: &mut Rng) -> String {
    let point = random.u32(..24);
    if point > 11 {
        return String::new();
    }
    let action = ["kill", "error", "delay:1200"][random.usize(..3)];
    format!("C{point}={action}@{}", random.u32(1..20))
}

async fn kill_under_load(kind: Kind) {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long and with which seed")]
    let variable = |name: &str| std::env::var(name).ok();
    let seed = variable("TELECONSULT_TEST_SEED").map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let kills = variable("TELECONSULT_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    println!("repeat with TELECONSULT_TEST_SEED={seed}");
    let mut random = Rng::with_seed(seed);

    let site = Site::new(kind).await;
    // A port that is free now and asked for again after each kill.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    // Callers reach it, and may break it, before it says that it listens.
    let start =
        |site: &Site, points: &str| site.try_start(&[("HTTP_PORT", &port), ("TELECONSULT_CRASH_POINTS", points)]);
    let mut server = start(&site, "").expect("nothing breaks it");
    // On a database that more than one may use, somebody lives on.
    let steady: Option<Process> = (kind == Kind::Postgres).then(|| site.start(&[]));
    let servers = std::iter::once(&server).chain(&steady).map(|server| server.url.clone()).collect();
    let load = Arc::new(Load { site, servers, told: Told::default(), stop: AtomicBool::new(false) });
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(Arc::clone(&load).call_for_ever(n, Rng::with_seed(seed.wrapping_add(n as u64 + 1)))))
        .collect();

    let emulator = &load.site.emulator;
    for _ in 0..kills {
        emulator.faults().add(some_fault(&mut random));
        let made = emulator.calls_of(Operation::CreateRoom) + random.usize(3..40);
        let reached = async {
            tokio::select! {
                () = emulator.until_called(Operation::CreateRoom, made) => {}
                () = server.end() => {}
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "the server stopped calling, seed {seed}");
        // `kill -9`, unless it broke by itself.
        drop(server);
        server = loop {
            if let Some(server) = start(&load.site, &some_crash_point(&mut random)) {
                break server;
            }
        };
    }
    drop(server);
    let server = start(&load.site, "").expect("nothing breaks it");
    load.stop.store(true, Ordering::Relaxed);
    emulator.faults().clear();
    for caller in callers {
        tokio::time::timeout(3 * PATIENCE, caller).await.expect("every key comes to its answer").unwrap();
    }
    load.site.until_settled(&server.url).await.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    let records = load.site.check_invariants().await.unwrap_or_else(|what| panic!("seed {seed}: {what}"));

    let told = load.told().clone();
    assert!(told.len() > kills, "{} acknowledged", told.len());
    for (id, patients) in &told {
        let mut seen = Vec::new();
        for patient in patients {
            if load.site.view(&server.url, id, patient).await.is_some() {
                seen.push(patient);
            }
        }
        assert_eq!(seen.len(), 1, "{id} of {patients:?} is lost or half changed, seed {seed}");
    }
    println!("{kills} kills on {kind:?}, {} acknowledged and there, {} records, no orphan", told.len(), records.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_lose_nothing_that_was_acknowledged_in_a_file() {
    kill_under_load(Kind::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_lose_nothing_that_was_acknowledged_in_postgres() {
    kill_under_load(Kind::Postgres).await;
}
