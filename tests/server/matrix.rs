//! Every operation, broken at every crash point, while the vendor misbehaves in every way, on the real binary. In the end
//! the caller who asks again gets what was asked for, once, and nothing is left over.
//!
//! A run of the tests takes a part of all cases, so that each operation meets each crash point; the whole, which takes
//! minutes: `TELECONSULT_TEST_MATRIX=full tests/run.sh matrix`.

use std::time::Duration;

use bandyer_client::emulator::{Action, Fault, Operation};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary;
use crate::support::database::Kind;
use crate::support::service::{consultation, doctor, patient};
use crate::support::site::Site;
use crate::support::{in_minutes, person};

/// Cases that run at the same time. Most of a case is waiting for leases to end.
const AT_ONCE: usize = 16;
/// How often a caller repeats a request. The vendor is well again by then, so the first repeat should do.
const REPEATS: usize = 10;

const OPERATIONS: [Asked; 4] = [Asked::Create, Asked::Change, Asked::AddLast, Asked::Delete];
const POINTS: [&str; 12] = ["C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11"];
/// What happens at the point. The delay is longer than a lease.
const ACTIONS: [&str; 4] = ["kill", "error", "delay:1500", "error@2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
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
        ("room made, 500", vec![room().status(500).after_effect()]),
        ("room never made, reset", vec![room().reset_before()]),
        ("room made, reset", vec![room().reset_after()]),
        ("room made, garbage", vec![room().action(Action::Garbage)]),
        ("room made, half an answer", vec![room().action(Action::Truncate)]),
        ("room made, reset, not listed", vec![room().reset_after(), unlisted()]),
        ("room never made, not listed", vec![room().reset_before(), unlisted()]),
        ("room made late", vec![room().action(Action::Delay(Duration::from_millis(1500)))]),
        ("user made, reset", vec![Fault::on(Operation::CreateUser).reset_after()]),
        ("user 500", vec![Fault::on(Operation::CreateUser).times(3).status(500)]),
        ("deletion 500", vec![Fault::on(Operation::DeleteRoom).times(3).status(500)]),
        ("deleted, reset", vec![Fault::on(Operation::DeleteRoom).times(3).reset_after()]),
        ("quota", vec![Fault::on_any().times(2).status(429).retry_after("1")]),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Case {
    asked: Asked,
    point: &'static str,
    action: &'static str,
    /// The index in [`misbehaviours`].
    vendor: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, point, action, vendor } = self;
        write!(f, "{asked:?}, {point}={action}, vendor: {}", misbehaviours()[*vendor].0)
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how many cases")]
fn cases() -> Vec<Case> {
    let everything = std::env::var("TELECONSULT_TEST_MATRIX").is_ok_and(|wish| wish == "full");
    let vendors = misbehaviours().len();
    let mut cases = Vec::new();
    for (o, asked) in OPERATIONS.into_iter().enumerate() {
        for (p, point) in POINTS.into_iter().enumerate() {
            for (a, action) in ACTIONS.into_iter().enumerate() {
                let all = (0..vendors).map(|vendor| Case { asked, point, action, vendor });
                // The part: each operation meets each point, with actions and vendors in turn.
                let chosen = (5 * o + 3 * p) % vendors;
                let is_part = |case: &Case| everything || (a == (o + p) % ACTIONS.len() && case.vendor == chosen);
                cases.extend(all.filter(is_part));
            }
        }
    }
    cases
}

/// What one case came to.
struct Outcome {
    /// Whether the process died or logged an error because of the point.
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
    let answer = site.call(server, Method::POST, "/teleconsultation", &[], Some(&body)).await;
    match answer {
        Some((201, text)) => Ok(room_id(&text)),
        other => Err(format!("nothing to begin with: {other:?}")),
    }
}

fn room_id(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap()["roomId"].as_str().unwrap().to_owned()
}

impl Asked {
    /// What must be there before, and the request.
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

    /// Whether an answer says that what was asked for is so.
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

    /// How many people the vendor has heard of.
    const fn users(self) -> usize {
        match self {
            Self::Create | Self::Delete => 2,
            Self::Change | Self::AddLast => 3,
        }
    }
}

async fn live(case: Case, kind: Kind) -> Result<Outcome, String> {
    let site = Site::new(kind).await;
    // What comes before is not broken.
    let calm = site.start(&[]);
    let request = case.asked.prepare(&site, &calm.url).await?;
    // Ends like any other crash.
    drop(calm);

    let armed = format!("{}={}", case.point, case.action);
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", &armed)]);
    for fault in misbehaviours().swap_remove(case.vendor).1 {
        site.emulator.faults().add(fault);
    }
    let first = request.send(&site, &server.url).await;
    let acknowledged = first.as_ref().is_some_and(|(status, _)| case.asked.is_success(*status));
    // What happens in the background has its chance to be broken too: until it is idle, dies, or has tried for a while.
    let _idle = tokio::time::timeout(Duration::from_millis(1500), site.until_settled(&server.url)).await;
    let reached = case.action.starts_with("kill") && server.has_ended() || breaks(&first);

    site.emulator.faults().clear();
    drop(server);
    let server = site.start(&[]);
    settle(case, &site, &server.url, &request, first, acknowledged).await.map_err(|what| format!("{case}: {what}"))?;
    Ok(Outcome { reached })
}

fn breaks(answer: &Option<(u16, String)>) -> bool {
    answer.as_ref().is_some_and(|(_, text)| text.contains("store_unavailable"))
}

/// The caller asks again until it is so, and everything that must hold does.
async fn settle(
    case: Case,
    site: &Site,
    server: &str,
    request: &Request,
    first: Option<(u16, String)>,
    acknowledged: bool,
) -> Result<(), String> {
    if acknowledged && case.asked != Asked::Delete {
        // Before anybody asks again: what was acknowledged is there.
        site.until_settled(server).await?;
        shown(case, site, server).await.map_err(|what| format!("acknowledged and lost: {what}"))?;
    }
    let mut answers = Vec::new();
    for _ in 0..REPEATS {
        let answer = request.send(site, server).await.ok_or("the server does not answer")?;
        let done = case.asked.is_success(answer.0);
        answers.push(answer);
        if done {
            break;
        }
        // Somebody may still hold what is asked for, until the lease ends.
        site.until_settled(server).await?;
    }
    let last = answers.last().cloned().unwrap_or_default();
    if !case.asked.is_success(last.0) {
        return Err(format!("first {first:?}, repeated {answers:?}"));
    }
    site.until_settled(server).await?;
    shown(case, site, server).await?;
    if case.asked == Asked::Create {
        let again = request.send(site, server).await;
        let acknowledged = first.filter(|_| acknowledged);
        if again.as_ref() != Some(&last) || acknowledged.is_some_and(|first| first != last) {
            return Err(format!("the same key gives other answers: {last:?}, {again:?}"));
        }
    }
    if site.users() != case.asked.users() {
        return Err(format!("{} users of {}", site.users(), case.asked.users()));
    }
    Ok(())
}

/// There is one record with these people and their room, or none.
async fn shown(case: Case, site: &Site, server: &str) -> Result<(), String> {
    let records = site.check_invariants().await?;
    let people = case.asked.people();
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
        let is_open = case.asked != Asked::Change;
        if view["accessLinkURL"].is_string() != is_open {
            return Err(format!("{user} sees {}", view["accessLinkURL"]));
        }
    }
    Ok(())
}

async fn run(kind: Kind) {
    // Built before the first case waits for it.
    binary::path();
    let cases = cases();
    let count = cases.len();
    let results: Vec<(Case, Result<Outcome, String>)> = stream::iter(cases)
        .map(|case| async move { (case, tokio::spawn(live(case, kind)).await.unwrap()) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let broken: Vec<&String> = results.iter().filter_map(|(_, result)| result.as_ref().err()).collect();
    let reached = results.iter().filter(|(_, result)| result.as_ref().is_ok_and(|one| one.reached)).count();
    println!("{count} cases on {kind:?}: {} broken, {reached} in which the point showed", broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(reached * 5 >= count, "the points are hardly ever reached: {reached} of {count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_operation_survives_every_crash_point_and_vendor_fault_in_a_file() {
    run(Kind::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_operation_survives_every_crash_point_and_vendor_fault_in_postgres() {
    run(Kind::Postgres).await;
}
