//! A panic in a handler is a response, and a panic in a background job ends the process.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::environment::Setup;
use crate::support::service::{consultation, doctor, patient};
use crate::support::{http_client, in_minutes};

fn is_internal_error(body: &Value) -> bool {
    *body == json!({"statusCode": 500, "error": "Internal Server Error", "message": "Something went wrong"})
}

#[tokio::test]
async fn a_panic_in_any_handler_is_a_500_and_an_error_in_the_log() {
    let site = Setup::default().binary().await;
    let server = site.start(&[("TELECONSULT_CRASH_POINTS", "H0=panic")]);
    let http = http_client();
    let created = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let id = "65e6f0a1b2c3d4e5f6a7b8c9";
    let requests = [
        ("GET", "/-/healthz".to_owned(), None),
        ("GET", format!("/teleconsultation/{id}"), None),
        ("POST", "/teleconsultation".to_owned(), Some(created)),
        ("PATCH", format!("/teleconsultation/{id}"), Some(json!({}))),
        ("DELETE", format!("/teleconsultation/{id}"), None),
        ("POST", "/credentials".to_owned(), Some(json!({}))),
        ("GET", "/documentation/json".to_owned(), None),
    ];
    for (method, path, body) in &requests {
        let request = http.request(method.parse().unwrap(), format!("{}{path}", server.url)).header("miauserid", "u");
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(response.status(), 500, "{method} {path}");
        assert!(is_internal_error(&response.json().await.unwrap()), "{method} {path}");
    }
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0), "panics of handlers do not end the process");
    let failed = lines.iter().filter(|line| line.contains("request completed") && line.contains(r#""level":50"#));
    assert_eq!(failed.count(), requests.len(), "{lines:#?}");
}

#[tokio::test]
async fn a_panic_in_a_background_job_ends_the_process_after_the_drain() {
    let site = Setup::default().frequent_jobs().binary().await;
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", "J0=panic")]);
    // The first request puts crash points into effect.
    assert_eq!(http_client().get(format!("{}/-/healthz", server.url)).send().await.unwrap().status(), 200);
    server.until_line("a background job panicked");
    server.end().await;
    let (code, _) = server.until_end();
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_panic_in_a_job_ends_the_wait_after_sigterm() {
    let site = Setup::default().frequent_jobs().binary().await;
    let wait = ("WAIT_BEFORE_SERVER_CLOSE_SEC", "600");
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", "J0=panic"), wait]);
    server.signal("TERM");
    server.until_line("SIGTERM received");
    assert_eq!(http_client().get(format!("{}/-/healthz", server.url)).send().await.unwrap().status(), 200);
    server.end().await;
    let (code, lines) = server.until_end();
    assert_eq!(code, Some(1));
    assert!(lines.iter().any(|line| line.contains("Server closed")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("panicked at") && line.contains("recovery")), "{lines:#?}");
}

#[tokio::test]
async fn a_second_signal_ends_the_drain_after_a_panic() {
    let site = Setup::default().frequent_jobs().binary().await;
    let drain = ("TELECONSULT_DRAIN_TIMEOUT_SECONDS", "600");
    let mut server = site.start(&[("TELECONSULT_CRASH_POINTS", "H0=delay:600000,J0=panic"), drain]);
    let mut held = TcpStream::connect(server.address()).await.unwrap();
    held.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    server.until_line("a background job panicked");
    while TcpStream::connect(server.address()).await.is_ok() {}
    server.signal("INT");
    server.end().await;
    assert_eq!(server.until_end().0, Some(1));
    assert_eq!(held.read(&mut [0]).await.unwrap_or_default(), 0, "the request was still running");
}
