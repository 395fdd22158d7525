//! Callers who leave before their response is there.

use std::net::SocketAddr;
use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::Service;
use crate::support::environment::Setup;
use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{http_client, in_minutes, person};

/// Sends a request. Its caller leaves when the stream is dropped.
async fn send(server: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn request(method: &str, path: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let kind = if length > 0 { "content-type: application/json\r\n" } else { "" };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: h\r\nmiauserid: dr.rossi\r\n{kind}content-length: {length}\r\n\r\n{body}"
    )
}

/// A teleconsultation of two people for whom users are created, so that these calls show that the request is in progress.
fn with_new_people(turn: usize) -> Value {
    let people = [("doctor", "d"), ("patient", "p")].map(|(group, id)| person(&format!("{id}{turn}"), group));
    consultation(&in_minutes(0), 2, &people)
}

#[tokio::test]
async fn an_abandoned_request_is_logged_and_counted_with_status_499() {
    let site = Setup::default().binary().await;
    // Handlers and the vendor take long enough for the server to notice that the caller has left.
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", "H0=delay:1000")]);
    site.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(1))));
    let planned = consultation(&in_minutes(0), 2, &[doctor(), patient()]);

    let creating = send(server.address(), &request("POST", "/teleconsultation", &planned)).await;
    site.until_called(Operation::CreateUser, 1).await;
    drop(creating);
    let view = request("GET", "/teleconsultation/65e6f0a1b2c3d4e5f6a7b8c9", &Value::Null);
    drop(send(server.address(), &view).await);

    let mut logged = Vec::new();
    for _ in 0..2 {
        let line: Value = serde_json::from_str(&server.until_line(r#""statusCode":499"#)).unwrap();
        assert_eq!(line["msg"], "request completed");
        logged.push((line["http"]["request"]["method"].clone(), line["url"]["path"].clone()));
    }
    logged.sort_by_key(|(method, _)| method.to_string());
    let expected = [("GET", "/teleconsultation/:roomId"), ("POST", "/teleconsultation")];
    assert_eq!(logged, expected.map(|(method, path)| (json!(method), json!(path))));

    let metrics = http_client().get(format!("{}/-/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    for (method, path) in expected {
        let labels = format!(r#"method="{method}",route="{path}",status_code="499""#);
        let line = format!("http_request_duration_seconds_count{{{labels}}} 1");
        assert!(metrics.lines().any(|shown| shown == line), "{line}");
    }
    // The change is carried out all the same.
    site.until_called(Operation::CreateRoom, 1).await;
}

#[tokio::test]
async fn credentials_are_finished_when_their_caller_leaves() {
    let service = Service::on(Platform::AUTH, ApiVersion::V2, &[]).await;
    service.auth.as_ref().unwrap().has("dr.rossi", &json!(["doctor"]), "Anna Rossi");
    let slow = Action::Delay(Duration::from_secs(1));
    service.emulator.faults().add(Fault::on(Operation::IssueCredential).action(slow));
    let asking = send(service.address(), &request("POST", "/credentials", &json!({}))).await;
    service.until_called(Operation::CreateUser, 1).await;
    drop(asking);
    // The credential itself comes last: by then the user and its row are there.
    service.until_called(Operation::IssueCredential, 1).await;
    assert_eq!(service.emulator.users().len(), 1);
    let repeated = service.call(Method::POST, "/credentials", Some("dr.rossi"), Some(&json!({}))).await;
    assert_eq!(repeated.status, 201, "{repeated:?}");
    assert_eq!(service.emulator.calls_of(Operation::CreateUser), 1, "the row of the user map is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_has_one_line_when_it_ends_after_its_caller_left() {
    let site = Setup::default().binary().await;
    let mut server = site
        .start(&[("TELECONSULT_SWEEP_INTERVAL_SECONDS", "3600"), ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "3600")]);
    let slow = Action::Delay(Duration::from_secs(1));
    site.emulator.faults().add(Fault::on(Operation::CreateRoom).always().action(slow));
    for (turn, status, level) in [(1, 201, 30), (2, 503, 50)] {
        let id = format!("r-{status}");
        let head = request("POST", "/teleconsultation", &with_new_people(turn));
        let creating = send(server.address(), &head.replacen("\r\n", &format!("\r\nx-request-id: {id}\r\n"), 1)).await;
        site.until_called(Operation::CreateUser, 2 * turn).await;
        let mut connection = site.database.connect().await;
        // The room of a failed request cannot be stored.
        let lock = if status == 503 { Some(connection.begin_with("BEGIN EXCLUSIVE").await.unwrap()) } else { None };
        drop(creating);
        server.until_line(r#""statusCode":499"#);
        let line: Value = serde_json::from_str(&server.until_line("after its caller left")).unwrap();
        assert_eq!(line["msg"], "request finished after its caller left");
        assert_eq!((&line["level"], &line["reqId"]), (&json!(level), &json!(id)));
        assert_eq!(line["http"], json!({"request": {"method": "POST"}, "response": {"statusCode": status}}));
        assert_eq!(line["url"]["path"], "/teleconsultation");
        if let Some(lock) = lock {
            assert_eq!(line["cause"], "the database cannot serve: it is locked by another writer (code 5)");
            lock.rollback().await.unwrap();
        }
    }
    let metrics = http_client().get(format!("{}/-/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(|line| line == "teleconsult_store_errors_total 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_after_a_request_do_not_hide_that_its_caller_left() {
    let site = Setup::default().binary().await;
    let mut server = site.start(&[]);
    let slow = Action::Delay(Duration::from_secs(1));
    site.emulator.faults().add(Fault::on(Operation::CreateRoom).always().action(slow));
    let next = request("GET", "/-/healthz", &Value::Null);
    for (turn, stray) in [(1, "\r\n"), (2, "G"), (3, next.as_str())] {
        let first = request("POST", "/teleconsultation", &with_new_people(turn));
        let creating = send(server.address(), &format!("{first}{stray}")).await;
        site.until_called(Operation::CreateUser, 2 * turn).await;
        drop(creating);
        let line: Value = serde_json::from_str(&server.until_line("request completed")).unwrap();
        assert_eq!(line["http"]["response"]["statusCode"], 499, "{stray:?}");
    }
}
