//! The real binary: start, crash, restart and exit.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use serde_json::{Value, json};

use crate::support::binary::{Process, command};
use crate::support::service::{consultation, doctor, patient, pause};
use crate::support::site::Site;
use crate::support::{Setup, in_minutes};

async fn site(version: ApiVersion) -> Site {
    Setup::default().version(version).binary().await
}

async fn post(site: &Site, server: &Process) -> reqwest::Result<(u16, Value)> {
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let response = site.http.post(format!("{}/teleconsultation", server.url)).json(&body).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

async fn link(site: &Site, server: &Process, id: &str) -> Value {
    site.view(&server.url, id, "patient-42").await.expect("it is visible")["accessLinkURL"].clone()
}

#[tokio::test]
async fn acknowledged_records_survive_a_kill() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let site = site(version).await;
        let server = site.start(&[]);
        let mut acknowledged = Vec::new();
        for _ in 0..5 {
            let (status, body) = post(&site, &server).await.unwrap();
            assert_eq!(status, 201);
            let id = body["roomId"].as_str().unwrap().to_owned();
            let shown = link(&site, &server, &id).await;
            assert!(shown.is_string());
            acknowledged.push((id, shown));
        }
        server.kill_now();
        drop(server);
        let server = site.start(&[]);
        for (id, shown) in acknowledged {
            assert_eq!(link(&site, &server, &id).await, shown);
        }
        assert_eq!((site.emulator.live_rooms().len(), site.emulator.users().len()), (5, 2));
    }
}

#[tokio::test]
async fn a_kill_mid_call_leaves_no_orphan_and_no_second_user() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let site = site(version).await;
        let server = site.start(&[]);
        // The room is created, and the response never arrives.
        site.emulator.faults().add(Fault::on(Operation::CreateRoom).stall());
        let lost = tokio::join!(post(&site, &server), async {
            while site.emulator.live_rooms().is_empty() {
                pause().await;
            }
            server.kill_now();
        });
        assert!(lost.0.is_err(), "nothing was acknowledged");
        site.emulator.faults().clear();
        let server_again = site.start(&[]);
        site.until_called(Operation::DeleteRoom, 1).await;
        assert!(site.emulator.live_rooms().is_empty());
        let (status, body) = post(&site, &server_again).await.unwrap();
        assert_eq!(status, 201);
        assert!(link(&site, &server_again, body["roomId"].as_str().unwrap()).await.is_string());
        assert_eq!((site.emulator.live_rooms().len(), site.emulator.users().len()), (1, 2));
        let made = site.emulator.calls().iter().filter(|call| call.operation == Operation::CreateUser).count();
        assert_eq!(made, 2, "the user map survived the kill");
    }
}

#[tokio::test]
async fn sigterm_exits_with_success_and_every_line_is_json() {
    let site = site(ApiVersion::V2).await;
    let server = site.start(&[]);
    assert_eq!(post(&site, &server).await.unwrap().0, 201);
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let completed = lines.iter().find(|line| line["msg"] == json!("request completed")).unwrap();
    assert_eq!(completed["http"]["request"]["method"], json!("POST"));
    assert_eq!(completed["http"]["response"]["statusCode"], json!(201));
    assert_eq!((&completed["url"]["path"], &completed["level"]), (&json!("/teleconsultation"), &json!(30)));
    assert_eq!(completed["host"]["ip"], json!("127.0.0.1"));
    assert!(completed["reqId"].is_string() && completed["responseTime"].is_number(), "{completed}");
    assert_eq!(lines.last().unwrap()["msg"], json!("Server closed"));
}

#[tokio::test]
async fn incoming_requests_are_logged_at_trace_with_platform_keys() {
    let site = site(ApiVersion::V2).await;
    let server = site.start(&[("LOG_LEVEL", "trace")]);
    let request = site.http.delete(format!("{}/teleconsultation/0123456789abcdef01234567/uploads", server.url));
    let request = request.header("x-forwarded-host", "clinic.example").header("x-request-id", "r-1");
    assert_eq!(request.send().await.unwrap().status(), 204);
    let (_, lines) = server.terminate();
    let line = |msg: &str| {
        let mut lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line["msg"] == json!(msg) && line["reqId"] == json!("r-1")).unwrap()
    };
    let (arrived, completed) = (line("incoming request"), line("request completed"));
    assert_eq!((&arrived["level"], &completed["level"]), (&json!(10), &json!(30)));
    assert_eq!(arrived["host"]["forwardedHostame"], json!("clinic.example"));
    let host = json!({"hostname": "127.0.0.1", "forwardedHost": "clinic.example", "ip": "127.0.0.1"});
    assert_eq!(completed["host"], host);
    assert_eq!(
        completed["url"],
        json!({"path": "/teleconsultation/:roomId/uploads",
        "params": {"roomId": "0123456789abcdef01234567"}})
    );
    assert_eq!(completed["http"]["response"], json!({"statusCode": 204}), "no body, no bytes");
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let site = site(ApiVersion::V2).await;
    let _server = site.start(&[]);
    let output = command(&site.variables(&[])).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("is in use by another process"), "{stderr}");
}

#[test]
fn all_configuration_problems_are_reported_with_exit_code_78() {
    let output = command(&[("UNLIMITED_TELECONSULTATION", "yes"), ("HTTP_PORT", "canary")]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let stderr = String::from_utf8(output.stderr).unwrap();
    for name in ["BANDYER_API_SECRET_KEY", "BANDYER_BASE_URL", "UNLIMITED_TELECONSULTATION", "HTTP_PORT"] {
        assert!(stderr.contains(&format!("\n  {name} ")), "{stderr}");
    }
    assert!(!stderr.contains("canary"), "{stderr}");
}

#[test]
fn a_demo_whose_emulator_port_is_taken_names_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let output = command(&[]).arg("demo").arg(&format!("--emulator-port={}", taken.port())).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("cannot listen on {taken}")), "{stderr}");
}

#[test]
fn help_and_version_are_printed() {
    for (argument, text) in [("--help", "Usage: teleconsult-server"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = command(&[]).arg(argument).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains(text), "{argument}");
    }
}
