//! The real binary: start, crash, restart, end.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Emulator, Fault, Operation};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::binary::{Process, command, least};
use crate::support::in_minutes;
use crate::support::service::{PATIENCE, consultation, doctor, patient};

struct Site {
    emulator: Emulator,
    folder: TempDir,
    http: reqwest::Client,
    version: ApiVersion,
}

impl Site {
    async fn new(version: ApiVersion) -> Self {
        let emulator = Emulator::start().await.unwrap();
        Self { emulator, folder: tempfile::tempdir().unwrap(), http: crate::support::http_client(), version }
    }

    fn server(&self) -> Process {
        Process::start(&self.variables())
    }

    /// The base URL in the form that operators know: with `/rest` for v1, the bare host for v2.
    fn variables(&self) -> Vec<(&str, &str)> {
        let base_url = match self.version {
            ApiVersion::V1 => self.emulator.base_url(ApiVersion::V1),
            _ => self.emulator.url().to_owned(),
        };
        let mut variables = least(&self.emulator, self.folder.path());
        variables.push(("BANDYER_BASE_URL", base_url.leak()));
        variables
    }

    async fn post(&self, server: &Process) -> reqwest::Result<(u16, Value)> {
        let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
        let response = self.http.post(format!("{}/teleconsultation", server.url)).json(&body).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    async fn link(&self, server: &Process, id: &str) -> Value {
        let request = self.http.get(format!("{}/teleconsultation/{id}", server.url)).header("miauserid", "patient-42");
        request.send().await.unwrap().json::<Value>().await.unwrap()["accessLinkURL"].clone()
    }

    async fn until_called(&self, operation: Operation, times: usize) {
        let called = tokio::time::timeout(PATIENCE, self.emulator.until_called(operation, times)).await;
        called.unwrap_or_else(|_| panic!("{operation:?} was not called: {:?}", self.emulator.calls()));
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let site = Site::new(version).await;
        let server = site.server();
        let mut acknowledged = Vec::new();
        for _ in 0..5 {
            let (status, body) = site.post(&server).await.unwrap();
            assert_eq!(status, 201);
            let id = body["roomId"].as_str().unwrap().to_owned();
            let link = site.link(&server, &id).await;
            assert!(link.is_string());
            acknowledged.push((id, link));
        }
        server.kill_now();
        drop(server);
        let server = site.server();
        for (id, link) in acknowledged {
            assert_eq!(site.link(&server, &id).await, link);
        }
        assert_eq!((site.emulator.live_rooms().len(), site.emulator.users().len()), (5, 2));
    }
}

#[tokio::test]
async fn a_kill_before_the_vendors_answer_leaves_no_orphan_and_no_second_user() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let site = Site::new(version).await;
        let server = site.server();
        // The room is made, and its answer never comes.
        site.emulator.faults().add(Fault::on(Operation::CreateRoom).stall());
        let lost = tokio::join!(site.post(&server), async {
            while site.emulator.live_rooms().is_empty() {
                tokio::task::yield_now().await;
            }
            server.kill_now();
        });
        assert!(lost.0.is_err(), "nothing was acknowledged");
        site.emulator.faults().clear();
        let server_again = site.server();
        site.until_called(Operation::DeleteRoom, 1).await;
        assert!(site.emulator.live_rooms().is_empty());
        let (status, body) = site.post(&server_again).await.unwrap();
        assert_eq!(status, 201);
        assert!(site.link(&server_again, body["roomId"].as_str().unwrap()).await.is_string());
        assert_eq!((site.emulator.live_rooms().len(), site.emulator.users().len()), (1, 2));
        let made = site.emulator.calls().iter().filter(|call| call.operation == Operation::CreateUser).count();
        assert_eq!(made, 2, "the user map survived the kill");
    }
}

#[tokio::test]
async fn sigterm_ends_it_with_success_and_every_line_is_json() {
    let site = Site::new(ApiVersion::V2).await;
    let server = site.server();
    assert_eq!(site.post(&server).await.unwrap().0, 201);
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
async fn what_arrives_is_told_at_trace_level_with_the_platforms_keys() {
    let site = Site::new(ApiVersion::V2).await;
    let server = Process::start(&[site.variables(), vec![("LOG_LEVEL", "trace")]].concat());
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
async fn a_second_process_on_the_same_folder_is_refused_with_a_clear_word() {
    let site = Site::new(ApiVersion::V2).await;
    let _server = site.server();
    let output = command(&site.variables()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("is in use by another process"), "{complaint}");
}

#[test]
fn all_problems_of_the_configuration_are_told_at_once_with_code_78() {
    let output = command(&[("UNLIMITED_TELECONSULTATION", "yes"), ("HTTP_PORT", "canary")]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let complaint = String::from_utf8(output.stderr).unwrap();
    for name in ["BANDYER_API_SECRET_KEY", "BANDYER_BASE_URL", "UNLIMITED_TELECONSULTATION", "HTTP_PORT"] {
        assert!(complaint.contains(&format!("\n  {name} ")), "{complaint}");
    }
    assert!(!complaint.contains("canary"), "{complaint}");
}

#[test]
fn help_and_version_are_told() {
    for (argument, text) in [("--help", "Usage: teleconsult-server"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = command(&[]).arg(argument).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains(text), "{argument}");
    }
}
