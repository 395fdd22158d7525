//! Shutdown of the real binary: not ready first, serving until load balancers notice, then drained within a deadline.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bandyer_client::emulator::{Action, Fault, Operation};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::binary::{Process, command};
use crate::support::service::{PATIENCE, consultation, doctor, patient, pause};
use crate::support::site::Site;
use crate::support::{Setup, http_client, in_minutes, person};

const CALLERS: usize = 32;

async fn site() -> Site {
    Setup::default().binary().await
}

/// A server with these seconds for load balancers to notice, and for requests to complete.
fn start_server(site: &Site, wait: &str, drain: &str) -> Process {
    site.start(&[
        ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "1"),
        ("WAIT_BEFORE_SERVER_CLOSE_SEC", wait),
        ("TELECONSULT_DRAIN_TIMEOUT_SECONDS", drain),
    ])
}

/// The doctor's links of all rooms that the vendor has.
fn links_of_rooms(site: &Site) -> BTreeSet<String> {
    let doctors = site.emulator.live_rooms().into_iter().map(|room| {
        let doctor = room.participants.into_iter().find(|one| one.is_admin).unwrap();
        doctor.link.expose().to_owned()
    });
    doctors.collect()
}

/// A request whose room is created and whose vendor response never arrives.
async fn stuck_request(site: &Site, server: &Process) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    site.emulator.faults().add(Fault::on(Operation::CreateRoom).stall());
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let request = http_client().post(format!("{}/teleconsultation", server.url)).header("x-request-id", "stuck");
    let request = request.json(&body);
    let stuck = tokio::spawn(request.send());
    site.until_called(Operation::CreateRoom, 1).await;
    stuck
}

fn of_level(lines: &[String], level: u64) -> Vec<&String> {
    let is_of = |line: &&String| serde_json::from_str::<Value>(line).unwrap()["level"] == json!(level);
    lines.iter().filter(is_of).collect()
}

/// How many connections were cut and how many changes were unfinished.
fn cut(lines: &[String]) -> [u64; 2] {
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(last["msg"], json!("Server closed"));
    ["cutConnections", "unfinishedChanges"].map(|name| last[name].as_u64().unwrap())
}

async fn ready(http: &Client, url: &str) -> StatusCode {
    http.get(format!("{url}/-/ready")).send().await.unwrap().status()
}

/// Creates, views and changes consultations while the server accepts requests. Every request must succeed.
async fn call_while_ready(
    url: String,
    caller: usize,
    ready: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Vec<(String, String)> {
    let http = http_client();
    let mut planned = Vec::new();
    let (doctor, mut turn) = (format!("d{caller}"), 0);
    let people = |turn: usize| [person(&doctor, "doctor"), person(&format!("p{caller}-{turn}"), "patient")];
    while ready.load(Ordering::SeqCst) {
        turn += 1;
        let request = match (turn % 3, planned.last()) {
            (1, _) | (_, None) => {
                let body = consultation(&in_minutes(60), 2, &people(turn));
                http.post(format!("{url}/teleconsultation")).json(&body)
            }
            (2, Some((id, _))) => http.get(format!("{url}/teleconsultation/{id}")).header("miauserid", &doctor),
            (_, Some((id, _))) => {
                let body = json!({"participants": {"number": 2, "data": people(turn)}, "start_date": in_minutes(0)});
                http.patch(format!("{url}/teleconsultation/{id}")).json(&body)
            }
        };
        let response = request.send().await.unwrap_or_else(|error| panic!("caller {caller}, turn {turn}: {error:?}"));
        assert!(response.status().is_success(), "caller {caller}, turn {turn}: {}", response.status());
        if response.status() == StatusCode::CREATED {
            let body: Value = response.json().await.unwrap();
            planned.push((body["roomId"].as_str().unwrap().to_owned(), doctor.clone()));
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
    planned
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_honour_readiness_lose_no_request_under_load() {
    let site = site().await;
    let server = start_server(&site, "3", "30");
    let (accepting, done) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(call_while_ready(server.url.clone(), n, Arc::clone(&accepting), Arc::clone(&done))))
        .collect();
    let http = http_client();
    assert_eq!(ready(&http, &server.url).await, 200);
    site.until_called(Operation::CreateRoom, 4 * CALLERS).await;

    server.signal("TERM");
    while ready(&http, &server.url).await != 503 {}
    // Clients that have not noticed yet are served as before.
    let before = done.load(Ordering::SeqCst);
    while done.load(Ordering::SeqCst) < before + CALLERS {
        pause().await;
    }
    for _ in 0..3 {
        assert_eq!(ready(&http, &server.url).await, 503);
    }
    accepting.store(false, Ordering::SeqCst);
    let mut planned = Vec::new();
    for caller in callers {
        planned.extend(caller.await.unwrap());
    }
    let (code, lines) = server.until_end();
    assert_eq!((code, cut(&lines)), (Some(0), [0, 0]));
    assert!(of_level(&lines, 50).is_empty(), "{:?}", of_level(&lines, 50));

    // Replaced rooms may still wait for deletion; the next start continues it.
    let server = start_server(&site, "0.1", "30");
    let mut links = BTreeSet::new();
    for (id, doctor) in &planned {
        links.insert(link(&http, &server.url, id, doctor).await);
    }
    assert_eq!(links.len(), planned.len());
    let settled = async {
        while links_of_rooms(&site) != links {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled)
        .await
        .expect("every room belongs to one record, and every record has its room");
}

/// The doctor's link, after moving the consultation to now, which replaces no room.
async fn link(http: &Client, url: &str, id: &str, doctor: &str) -> String {
    let path = format!("{url}/teleconsultation/{id}");
    // One that has started can no longer be changed; the refusal is fine.
    http.patch(&path).json(&json!({"start_date": in_minutes(0)})).send().await.unwrap();
    let response = http.get(&path).header("miauserid", doctor).send().await.unwrap();
    response.json::<Value>().await.unwrap()["accessLinkURL"].as_str().expect("a link").to_owned()
}

#[tokio::test]
async fn stuck_requests_are_cut_counted_and_resolved_at_next_start() {
    let site = site().await;
    let server = start_server(&site, "0.1", "1");
    let stuck = stuck_request(&site, &server).await;
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    assert_eq!(cut(&lines), [1, 1]);
    let unfinished =
        lines.iter().find(|line| line.contains("request ended unfinished")).expect("a line about the change");
    let unfinished: Value = serde_json::from_str(unfinished).unwrap();
    assert_eq!((&unfinished["reqId"], &unfinished["url"]["path"]), (&json!("stuck"), &json!("/teleconsultation")));
    assert!(stuck.await.unwrap().is_err(), "the caller got no response");
    assert_eq!(site.emulator.live_rooms().len(), 1, "an orphan, for now");

    site.emulator.faults().clear();
    let _server = start_server(&site, "0.1", "1");
    site.until_called(Operation::DeleteRoom, 1).await;
    assert!(site.emulator.live_rooms().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn running_requests_complete_after_the_listener_is_closed() {
    let site = site().await;
    let server = start_server(&site, "600", "600");
    let slow = Action::Delay(Duration::from_secs(1));
    site.emulator.faults().add(Fault::on(Operation::CreateRoom).always().action(slow));
    let http = http_client();
    let running: Vec<_> = (0..CALLERS)
        .map(|_| {
            let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
            tokio::spawn(http.post(format!("{}/teleconsultation", server.url)).json(&body).send())
        })
        .collect();
    site.until_called(Operation::CreateRoom, CALLERS).await;
    server.signal("INT");
    until_refused(&server).await;
    for request in running {
        assert_eq!(request.await.unwrap().unwrap().status(), 201);
    }
    let (code, lines) = server.until_end();
    assert_eq!((code, cut(&lines), site.emulator.live_rooms().len()), (Some(0), [0, 0], CALLERS));
}

async fn until_refused(server: &Process) {
    let refused = async { while TcpStream::connect(server.address()).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("the listener is closed");
}

#[tokio::test]
async fn sigint_does_not_wait_for_load_balancers() {
    let site = site().await;
    let server = start_server(&site, "600", "600");
    // An idle connection does not delay the shutdown.
    assert_eq!(ready(&http_client(), &server.url).await, 200);
    server.signal("INT");
    let (code, lines) = server.until_end();
    assert_eq!((code, cut(&lines)), (Some(0), [0, 0]));
    assert!(lines.iter().any(|line| line.contains("SIGINT received")), "{lines:?}");
}

#[tokio::test]
async fn a_signal_during_the_start_ends_with_success() {
    let site = site().await;
    // Accepts connections and never responds, so that the start waits for it.
    let database = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@{}/d", database.local_addr().unwrap());
    let server = command(&site.variables(&[("DATABASE_URL", &url)])).spawn();
    let _connection = database.accept().unwrap();
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(lines.last().unwrap().contains("a signal was received during the start"), "{lines:?}");
}

#[tokio::test]
async fn a_second_signal_exits_immediately_in_both_phases() {
    let site = site().await;
    let mut server = start_server(&site, "600", "600");
    server.signal("TERM");
    server.until_line("still serving");
    server.signal("TERM");
    let (code, lines) = server.until_end();
    assert_eq!(code, Some(1));
    assert!(lines.last().unwrap().contains("a second signal was received"), "{lines:?}");

    let server = start_server(&site, "600", "600");
    let stuck = stuck_request(&site, &server).await;
    server.signal("INT");
    until_refused(&server).await;
    server.signal("INT");
    assert_eq!(server.until_end().0, Some(1));
    assert!(stuck.await.unwrap().is_err());
}

#[tokio::test]
async fn an_unavailable_store_is_an_error_in_the_log_unlike_unready() {
    let site = site().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = format!("http://{free}");
    let mut server = site.start(&[
        ("CRUD_SERVICE_URL", &nowhere),
        ("TELECONSULTATIONS_CRUD_NAME", "records"),
        ("USER_ID_MAP_CRUD_NAME", "people"),
        ("WAIT_BEFORE_SERVER_CLOSE_SEC", "600"),
    ]);
    server.signal("TERM");
    server.until_line("still serving");
    let http = http_client();
    for _ in 0..3 {
        assert_eq!(ready(&http, &server.url).await, 503);
    }
    assert_eq!(http.get(format!("{}/-/check-up", server.url)).send().await.unwrap().status(), 503);
    server.signal("TERM");
    let (_, lines) = server.until_end();
    let completed = of_level(&lines, 50).into_iter().filter(|line| line.contains("request completed"));
    let paths: Vec<Value> =
        completed.map(|line| serde_json::from_str::<Value>(line).unwrap()["url"]["path"].clone()).collect();
    assert_eq!(paths, ["/-/check-up"]);
}
