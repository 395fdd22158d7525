//! Every operation, interrupted at every crash point, combined with every fault of the vendor, on the real binary.
//! Afterwards a repeated request succeeds, has taken effect once, and nothing is left over.
//!
//! A normal run takes a part of the cases, in which each operation meets each crash point. All cases, which take minutes:
//! `TELECONSULT_TEST_MATRIX=full tests/run.sh matrix`.

use std::time::Duration;

use bandyer_client::emulator::{Action, Fault, Operation};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary;
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient, pause};
use crate::support::site::Site;
use crate::support::{in_minutes, person};

/// Cases that run at the same time. Most of a case is waiting for leases to end.
const CONCURRENT_CASES: usize = 8;
/// The same with the CRUD Service. Fewer, because a write that takes longer than the grace of this test counts as lost.
const CONCURRENT_CASES_WITH_CRUD: usize = 4;
/// How often a caller repeats a request. The vendor has recovered by then, so the first repeat should succeed.
const REPEATS: usize = 10;

const OPERATIONS: [Task; 4] = [Task::Create, Task::Change, Task::AddLast, Task::Delete];
const POINTS: [&str; 14] = ["C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "D1", "D2"];
/// The first of them that is reached with the CRUD Service only.
const FIRST_OF_CRUD: usize = 12;
/// What happens at the point. The delay is longer than a lease.
const ACTIONS: [&str; 4] = ["kill", "error", "delay:1500", "error@2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Create,
    Change,
    AddLast,
    Delete,
}

/// How the vendor misbehaves while the request is carried out.
fn misbehaviours() -> Vec<(&'static str, Vec<Fault>)> {
    let room = || Fault::on(Operation::CreateRoom);
    let unlisted = || Fault::on(Operation::ListRooms).always().status(500);
    vec![
        ("none", vec![]),
        ("room refused", vec![room().status(422)]),
        ("room 500", vec![room().status(500)]),
        ("room created, 500", vec![room().status(500).after_effect()]),
        ("room not created, reset", vec![room().reset_before()]),
        ("room created, reset", vec![room().reset_after()]),
        ("room created, garbage", vec![room().action(Action::Garbage)]),
        ("room created, half a response", vec![room().action(Action::Truncate)]),
        ("room created, reset, not listed", vec![room().reset_after(), unlisted()]),
        ("room not created, not listed", vec![room().reset_before(), unlisted()]),
        ("room created late", vec![room().action(Action::Delay(Duration::from_millis(1500)))]),
        ("user created, reset", vec![Fault::on(Operation::CreateUser).reset_after()]),
        ("user 500", vec![Fault::on(Operation::CreateUser).times(3).status(500)]),
        ("deletion 500", vec![Fault::on(Operation::DeleteRoom).times(3).status(500)]),
        ("deleted, reset", vec![Fault::on(Operation::DeleteRoom).times(3).reset_after()]),
        ("quota", vec![Fault::on_any().times(2).status(429).retry_after("1")]),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Case {
    task: Task,
    point: &'static str,
    action: &'static str,
    /// The index in [`misbehaviours`].
    vendor: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { task, point, action, vendor } = self;
        write!(f, "{task:?}, {point}={action}, vendor: {}", misbehaviours()[*vendor].0)
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment sets the number of cases")]
fn cases(platform: Platform) -> Vec<Case> {
    let everything = std::env::var("TELECONSULT_TEST_MATRIX").is_ok_and(|value| value == "full");
    let vendors = misbehaviours().len();
    let mut cases = Vec::new();
    for (o, task) in OPERATIONS.into_iter().enumerate() {
        let points = if platform.crud { &POINTS[..] } else { &POINTS[..FIRST_OF_CRUD] };
        for (p, &point) in points.iter().enumerate() {
            for (a, action) in ACTIONS.into_iter().enumerate() {
                let all = (0..vendors).map(|vendor| Case { task, point, action, vendor });
                // A normal run: each operation meets each point, with rotating actions and vendor faults.
                let chosen = (5 * o + 3 * p) % vendors;
                let is_part = |case: &Case| everything || (a == (o + p) % ACTIONS.len() && case.vendor == chosen);
                cases.extend(all.filter(is_part));
            }
        }
    }
    cases
}

/// The result of one case.
struct Outcome {
    /// Whether the crash point killed the process or made a request fail.
    reached: bool,
}

/// A request that is repeated until it succeeds.
struct Request {
    method: Method,
    path: String,
    body: Option<Value>,
    is_keyed: bool,
}

impl Request {
    async fn send(&self, site: &Site, server: &str) -> Option<(u16, String)> {
        let headers: &[(&'static str, &str)] = if self.is_keyed { &[("idempotency-key", "one")] } else { &[] };
        site.call(server, self.method.clone(), &self.path, headers, self.body.as_ref()).await
    }
}

async fn created(site: &Site, server: &str, start: &str, number: usize) -> Result<String, String> {
    let body = consultation(start, number, &[doctor(), patient()]);
    let response = site.call(server, Method::POST, "/teleconsultation", &[], Some(&body)).await;
    match response {
        Some((201, text)) => Ok(room_id(&text)),
        other => Err(format!("the setup failed: {other:?}")),
    }
}

fn room_id(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap()["roomId"].as_str().unwrap().to_owned()
}

impl Task {
    /// Creates what the operation needs, and returns its request.
    async fn prepare(self, site: &Site, server: &str) -> Result<Request, String> {
        let (now, later) = (in_minutes(0), in_minutes(60));
        let q = person("q", "patient");
        let request = |method, path: String, body, is_keyed| Request { method, path, body, is_keyed };
        Ok(match self {
            Self::Create => {
                let body = consultation(&now, 2, &[doctor(), patient()]);
                request(Method::POST, "/teleconsultation".to_owned(), Some(body), true)
            }
            Self::Change => {
                let id = created(site, server, &later, 2).await?;
                let body = json!({"participants": {"number": 2, "data": [doctor(), q]}});
                request(Method::PATCH, format!("/teleconsultation/{id}"), Some(body), false)
            }
            Self::AddLast => {
                let id = created(site, server, &now, 3).await?;
                request(Method::POST, format!("/teleconsultation/{id}/participants/data"), Some(q), true)
            }
            Self::Delete => {
                let id = created(site, server, &later, 2).await?;
                request(Method::DELETE, format!("/teleconsultation/{id}"), None, false)
            }
        })
    }

    /// Whether this status means that the operation is done.
    const fn is_success(self, status: u16) -> bool {
        matches!((self, status), (Self::Create | Self::AddLast, 201) | (Self::Change, 204) | (Self::Delete, 204 | 404))
    }

    const fn people(self) -> &'static [&'static str] {
        match self {
            Self::Create => &["dr.rossi", "patient-42"],
            Self::Change => &["dr.rossi", "q"],
            Self::AddLast => &["dr.rossi", "patient-42", "q"],
            Self::Delete => &[],
        }
    }

    /// How many people have a vendor user afterwards.
    const fn users(self) -> usize {
        match self {
            Self::Create | Self::Delete => 2,
            Self::Change | Self::AddLast => 3,
        }
    }
}

async fn run_case(case: Case, platform: Platform) -> Result<Outcome, String> {
    let site = Site::on(platform).await;
    // The setup runs without a crash point.
    let setup = site.start(&[]);
    let request = case.task.prepare(&site, &setup.url).await?;
    // Killed, like any other process here.
    drop(setup);

    let armed = format!("{}={}", case.point, case.action);
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", &armed)]);
    for fault in misbehaviours().swap_remove(case.vendor).1 {
        site.emulator.faults().add(fault);
    }
    let first = request.send(&site, &server.url).await;
    let acknowledged = first.as_ref().is_some_and(|(status, _)| case.task.is_success(*status));
    // Background jobs may reach the crash point too: wait until they are idle, the process ends, or the time is up.
    let _idle = tokio::time::timeout(Duration::from_millis(1500), site.until_settled(&server.url)).await;
    let reached = case.action.starts_with("kill") && server.has_ended() || is_store_failure(&first);

    site.emulator.faults().clear();
    drop(server);
    let server = site.start(&[]);
    check_repeats(case, &site, &server.url, &request, first, acknowledged)
        .await
        .map_err(|what| format!("{case}: {what}"))?;
    Ok(Outcome { reached })
}

fn is_store_failure(response: &Option<(u16, String)>) -> bool {
    response.as_ref().is_some_and(|(_, text)| text.contains("store_unavailable"))
}

/// Sends a request. Until its lease ends, the attempt of a process that was killed counts as running.
async fn until_not_running(site: &Site, server: &str, request: &Request) -> Result<(u16, String), String> {
    let answered = async {
        loop {
            let response = request.send(site, server).await.ok_or("the server does not respond")?;
            if !response.1.contains("request_running") {
                return Ok(response);
            }
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| Err("the request is running for ever".to_owned()))
}

/// Repeats the request until it succeeds, and checks everything that must hold.
async fn check_repeats(
    case: Case,
    site: &Site,
    server: &str,
    request: &Request,
    first: Option<(u16, String)>,
    acknowledged: bool,
) -> Result<(), String> {
    if acknowledged && case.task != Task::Delete {
        // Before any repetition: the acknowledged state is there.
        site.until_settled(server).await?;
        check_state(case, site, server).await.map_err(|what| format!("acknowledged and lost: {what}"))?;
    }
    let mut responses = Vec::new();
    while responses.len() < REPEATS {
        let response = until_not_running(site, server, request).await?;
        let done = case.task.is_success(response.0);
        responses.push(response);
        if done {
            break;
        }
        // Another attempt may hold the lease; wait until it ends.
        site.until_settled(server).await?;
    }
    let last = responses.last().cloned().unwrap_or_default();
    if !case.task.is_success(last.0) {
        return Err(format!("first {first:?}, repeated {responses:?}"));
    }
    site.until_settled(server).await?;
    check_state(case, site, server).await?;
    if case.task == Task::Create {
        let again = request.send(site, server).await;
        let acknowledged = first.filter(|_| acknowledged);
        if again.as_ref() != Some(&last) || acknowledged.is_some_and(|first| first != last) {
            return Err(format!("the same key returns different responses: {last:?}, {again:?}"));
        }
    }
    if site.users() != case.task.users() {
        return Err(format!("{} users of {}", site.users(), case.task.users()));
    }
    Ok(())
}

/// Checks that there is one record with these people and their room, or no record after a deletion.
async fn check_state(case: Case, site: &Site, server: &str) -> Result<(), String> {
    let records = site.check_invariants().await?;
    let people = case.task.people();
    if people.is_empty() {
        return if records.is_empty() { Ok(()) } else { Err(format!("not deleted: {records:?}")) };
    }
    let [record] = records.as_slice() else { return Err(format!("{} records", records.len())) };
    let mut stored: Vec<&str> =
        record.participants.iter().map(|one| one["userExternalId"].as_str().unwrap_or_default()).collect();
    stored.sort_unstable();
    if stored != people {
        return Err(format!("{stored:?} take part"));
    }
    for user in people {
        let view = site.view(server, &record.id, user).await.ok_or_else(|| format!("{user} sees nothing"))?;
        let is_open = case.task != Task::Change;
        if view["accessLinkURL"].is_string() != is_open {
            return Err(format!("{user} sees {}", view["accessLinkURL"]));
        }
    }
    Ok(())
}

async fn run(platform: Platform) {
    // Built once, before the first case needs it.
    binary::path();
    let cases = cases(platform);
    let count = cases.len();
    let results: Vec<(Case, Result<Outcome, String>)> = stream::iter(cases)
        .map(|case| async move { (case, tokio::spawn(run_case(case, platform)).await.unwrap()) })
        .buffer_unordered(if platform.crud { CONCURRENT_CASES_WITH_CRUD } else { CONCURRENT_CASES })
        .collect()
        .await;
    let broken: Vec<&String> = results.iter().filter_map(|(_, result)| result.as_ref().err()).collect();
    let reached = results.iter().filter(|(_, result)| result.as_ref().is_ok_and(|one| one.reached)).count();
    println!("{count} cases on {platform:?}: {} broken, {reached} in which the point was reached", broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(reached * 5 >= count, "the points are hardly ever reached: {reached} of {count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_survive_crashes_and_vendor_faults_in_sqlite() {
    run(Platform::ALONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_survive_crashes_and_vendor_faults_in_postgres() {
    run(Platform::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_survive_crashes_and_vendor_faults_in_the_crud_service() {
    run(Platform::CRUD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_survive_crashes_and_vendor_faults_in_crud_and_postgres() {
    run(Platform::POSTGRES_CRUD).await;
}
