//! Callers that disconnect before they get a response.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Emulator, Fault, Operation};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::Service;
use crate::support::binary::{Process, least};
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient};
use crate::support::{http_client, in_minutes};

/// Long enough for the caller to disconnect during it.
const DELAY: Action = Action::Delay(Duration::from_secs(1));

async fn called(emulator: &Emulator, operation: Operation, times: usize) {
    tokio::time::timeout(PATIENCE, emulator.until_called(operation, times)).await.expect("the vendor is called");
}

/// Sends a request and disconnects as soon as the vendor has been called for it.
async fn leave_during(server: &str, request: &str, emulator: &Emulator, operation: Operation) {
    let before = emulator.calls_of(operation);
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    called(emulator, operation, before + 1).await;
}

fn request(method: &str, path: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let kind = if length > 0 { "content-type: application/json\r\n" } else { "" };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: h\r\nmiauserid: dr.rossi\r\n{kind}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn an_abandoned_request_is_logged_and_counted_with_status_499() {
    let emulator = Emulator::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(&least(&emulator, folder.path()));
    let address = server.address().to_string();
    let http = http_client();
    let planned = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let created = http.post(format!("{}/teleconsultation", server.url)).json(&planned).send().await.unwrap();
    let created: Value = created.json().await.unwrap();
    let id = created["roomId"].as_str().unwrap().to_owned();

    // One request with an effect and one without.
    emulator.faults().add(Fault::on(Operation::CreateRoom).action(DELAY));
    let post = request("POST", "/teleconsultation", &planned);
    leave_during(&address, &post, &emulator, Operation::CreateRoom).await;
    emulator.faults().add(Fault::on(Operation::GetRoom).action(DELAY));
    let get = request("GET", &format!("/teleconsultation/{id}"), &Value::Null);
    leave_during(&address, &get, &emulator, Operation::GetRoom).await;

    let mut logged = Vec::new();
    for _ in 0..2 {
        let line: Value = serde_json::from_str(&server.until_line(r#""statusCode":499"#)).unwrap();
        assert_eq!(line["msg"], "request completed");
        logged.push((line["http"]["request"]["method"].clone(), line["url"]["path"].clone()));
    }
    logged.sort_by_key(|(method, _)| method.to_string());
    let expected = [("GET", "/teleconsultation/:roomId"), ("POST", "/teleconsultation")];
    assert_eq!(logged, expected.map(|(method, path)| (json!(method), json!(path))));

    let metrics = http.get(format!("{}/-/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    for (method, path) in expected {
        let labels = format!(r#"method="{method}",route="{path}",status_code="499""#);
        let line = format!("http_request_duration_seconds_count{{{labels}}} 1");
        assert!(metrics.lines().any(|shown| shown == line), "{line}");
    }
    // The change is carried out nevertheless.
    let rooms = async {
        while emulator.live_rooms().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, rooms).await.expect("the room of the abandoned request is created");
}

#[tokio::test]
async fn credentials_are_issued_even_if_their_caller_leaves() {
    let service = Service::on(Platform::AUTH, ApiVersion::V2, &[]).await;
    service.auth.as_ref().unwrap().has("dr.rossi", &json!(["doctor"]), "Anna Rossi");
    service.emulator.faults().add(Fault::on(Operation::CreateUser).action(DELAY));
    let post = request("POST", "/credentials", &json!({}));
    leave_during(&service.address().to_string(), &post, &service.emulator, Operation::CreateUser).await;
    // The credential comes last: by then the user and its row exist.
    called(&service.emulator, Operation::IssueCredential, 1).await;
    assert_eq!(service.emulator.users().len(), 1);
    let repeated = service.call(Method::POST, "/credentials", Some("dr.rossi"), Some(&json!({}))).await;
    assert_eq!(repeated.status, 201, "{repeated:?}");
    assert_eq!(service.emulator.calls_of(Operation::CreateUser), 1, "the row of the user map is stored");
}
