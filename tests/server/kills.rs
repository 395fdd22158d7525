//! The real binary, killed repeatedly under load while the vendor misbehaves and the process fails at random points.
//! Afterwards every room of the deployment belongs to exactly one record, no acknowledged change is lost or half done, and
//! a request repeated under the same key has taken effect once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bandyer_client::emulator::{Action, Fault, Operation};
use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::Process;
use crate::support::database::Kind;
use crate::support::service::{PATIENCE, Platform, consultation, pause};
use crate::support::site::Site;
use crate::support::{in_minutes, person};

/// How often the server is killed. A longer run: `TELECONSULT_TEST_KILLS=1000 tests/run.sh kills`.
const KILLS: usize = 8;
const CALLERS: usize = 6;

/// What the callers expect: the patients each teleconsultation may have. Several where a response was lost.
type Expected = Mutex<BTreeMap<String, BTreeSet<String>>>;

struct Load {
    site: Site,
    /// The servers that callers choose from, at random.
    servers: Vec<String>,
    expected: Expected,
    stop: AtomicBool,
}

impl Load {
    /// Creates, changes and deletes until `stop` is set; without a response, both outcomes stay possible.
    async fn call_until_stopped(self: Arc<Self>, caller: usize, mut random: Rng) {
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
                self.expected().insert(id.clone(), [patient].into());
                mine.push(id);
            } else if choice < 8 {
                let id = &mine[random.usize(..mine.len())];
                self.expected().get_mut(id).unwrap().insert(patient.clone());
                let body = json!({"participants": {"number": 2, "data": people}});
                let path = format!("/teleconsultation/{id}");
                let response = self.site.call(server, Method::PATCH, &path, &[], Some(&body)).await;
                if response.is_some_and(|(status, _)| status == 204) {
                    self.expected().insert(id.clone(), [patient].into());
                }
            } else {
                let id = mine.swap_remove(random.usize(..mine.len()));
                self.expected().remove(&id);
                // Deleted or not, both are valid from here on; the rooms show whether it was done only in part.
                let path = format!("/teleconsultation/{id}");
                let _ = self.site.call(server, Method::DELETE, &path, &[], None).await;
            }
        }
    }

    /// Repeats the request under one key until two attempts have succeeded, despite kills. Both responses must be equal.
    async fn create(&self, key: &str, body: &Value, random: &mut Rng) -> String {
        let send = async || {
            let server = &self.servers[random.usize(..self.servers.len())];
            let headers = [("idempotency-key", key)];
            let response = self.site.call(server, Method::POST, "/teleconsultation", &headers, Some(body)).await;
            response.filter(|(status, _)| *status == 201)
        };
        let (mut send, mut first) = (send, None);
        loop {
            match (send().await, &first) {
                (Some(response), Some(first)) => {
                    assert_eq!(response, *first, "two responses for one key");
                    return serde_json::from_str::<Value>(&response.1).unwrap()["roomId"].as_str().unwrap().to_owned();
                }
                (Some(response), None) => first = Some(response),
                // No server is up at this moment.
                (None, _) => pause().await,
            }
        }
    }

    fn expected(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.expected.lock().unwrap()
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

/// The point at which the next process fails, if any.
fn some_crash_point(platform: Platform, random: &mut Rng) -> String {
    let points = if platform.crud { 14 } else { 12 };
    let point = match random.u32(..2 * points) {
        none if none >= points => return String::new(),
        c @ ..12 => format!("C{c}"),
        d => format!("D{}", d - 11),
    };
    let action = ["kill", "error", "delay:1200"][random.usize(..3)];
    format!("{point}={action}@{}", random.u32(1..20))
}

async fn kill_under_load(platform: Platform) {
    #[expect(clippy::disallowed_methods, reason = "the environment sets the duration and the seed")]
    let variable = |name: &str| std::env::var(name).ok();
    let seed = variable("TELECONSULT_TEST_SEED").map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let kills = variable("TELECONSULT_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    println!("repeat with TELECONSULT_TEST_SEED={seed}");
    let mut random = Rng::with_seed(seed);

    let site = Site::on(platform).await;
    // A port that is free now and used again after each kill.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    // Callers reach it, and may trigger a crash point, before it logs that it listens.
    let start =
        |site: &Site, points: &str| site.try_start(&[("HTTP_PORT", &port), ("TELECONSULT_CRASH_POINTS", points)]);
    let mut server = start(&site, "").expect("no crash point is set");
    // On a database that several processes may share, one stays up throughout.
    let steady: Option<Process> = (platform.database == Kind::Postgres).then(|| site.start(&[]));
    let servers = std::iter::once(&server).chain(&steady).map(|server| server.url.clone()).collect();
    let load = Arc::new(Load { site, servers, expected: Expected::default(), stop: AtomicBool::new(false) });
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(Arc::clone(&load).call_until_stopped(n, Rng::with_seed(seed.wrapping_add(n as u64 + 1)))))
        .collect();

    let emulator = &load.site.emulator;
    for _ in 0..kills {
        emulator.faults().add(some_fault(&mut random));
        let made = emulator.calls_of(Operation::CreateRoom) + random.usize(3..40);
        let reached = async {
            tokio::select! {
                reached = emulator.until_called(Operation::CreateRoom, made) => reached.expect("the server calls"),
                () = server.end() => {}
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "the server stopped calling, seed {seed}");
        // `kill -9`, unless a crash point ended it.
        drop(server);
        server = loop {
            if let Some(server) = start(&load.site, &some_crash_point(platform, &mut random)) {
                break server;
            }
        };
    }
    drop(server);
    let server = start(&load.site, "").expect("no crash point is set");
    load.stop.store(true, Ordering::Relaxed);
    emulator.faults().clear();
    for caller in callers {
        tokio::time::timeout(3 * PATIENCE, caller).await.expect("every key gets its response").unwrap();
    }
    // A sweep reads all rooms, and each kill leaves some more.
    let patience = PATIENCE + Duration::from_millis(500) * u32::try_from(kills).unwrap();
    let stopped = Instant::now();
    let settling = load.site.until_settled_within(patience, &server.url);
    settling.await.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    let settled_in = stopped.elapsed();
    let records = load.site.check_invariants().await.unwrap_or_else(|what| panic!("seed {seed}: {what}"));

    let expected = load.expected().clone();
    assert!(expected.len() > kills, "{} acknowledged", expected.len());
    let people: BTreeMap<&str, Vec<String>> = records
        .iter()
        .map(|record| {
            let ids = record.participants.iter().filter_map(|one| one["userExternalId"].as_str());
            (record.id.as_str(), ids.map(str::to_owned).collect())
        })
        .collect();
    for (id, patients) in &expected {
        let stored = people.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let seen = patients.iter().filter(|patient| stored.contains(patient)).count();
        assert_eq!(seen, 1, "{id} of {patients:?} is lost or half changed: {stored:?}, seed {seed}");
    }
    println!(
        "{kills} kills on {platform:?}, settled in {settled_in:.1?}, {} acknowledged and present, {} records, no orphan",
        expected.len(),
        records.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_no_loss_in_sqlite() {
    kill_under_load(Platform::ALONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_no_loss_in_postgres() {
    kill_under_load(Platform::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_no_loss_in_the_crud_service() {
    kill_under_load(Platform::CRUD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_under_load_leave_no_orphan_and_no_loss_in_crud_and_postgres() {
    kill_under_load(Platform::POSTGRES_CRUD).await;
}
