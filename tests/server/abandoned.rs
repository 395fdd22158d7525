//! Callers who leave before their response is there.

use std::net::SocketAddr;
use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::Service;
use crate::support::environment::Setup;
use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{http_client, in_minutes};

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
