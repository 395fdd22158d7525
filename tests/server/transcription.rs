//! `GET /transcription/:roomId/:sessionId`.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::json;

use crate::support::raw::exchange;
use crate::support::service::{Variables, patient};
use crate::support::{Response, Service, in_minutes, on_every_platform};

const TRANSCRIBED: [(&str, &str); 2] =
    [("DEFAULT_RECORDING_TYPE", "automatic"), ("TELECONSULT_OFFLINE_TRANSCRIPTION", "true")];

/// A call of the doctor and the patient; returns the session id.
fn call(service: &Service) -> String {
    let (room, users) = service.room_and_users();
    service.emulator.join(&room, &users[0]).unwrap();
    service.emulator.join(&room, &users[1]).unwrap();
    service.emulator.advance(Duration::from_secs(60));
    service.emulator.leave(&room, &users[0]).unwrap();
    // A room that rings ends when the second to last participant leaves.
    let _ = service.emulator.leave(&room, &users[1]);
    service.emulator.sessions().pop().unwrap().id.to_string()
}

async fn transcription(service: &Service, id: &str, session: &str, user: &str) -> Response {
    service.get(&format!("/transcription/{id}/{session}"), user).await
}

fn none() -> serde_json::Value {
    json!({"error": "There is no transcription of this session"})
}

/// V1 of the vendor's API has no transcriptions.
fn transcribed(version: ApiVersion) -> Variables {
    if version == ApiVersion::V1 { &TRANSCRIBED[..1] } else { &TRANSCRIBED }
}

on_every_platform! {
    with transcribed;

    async fn a_participant_gets_the_vendors_file_unchanged(service: Service) {
        let id = service.create_running().await;
        let session = call(&service);
        let response = transcription(&service, &id, &session, "patient-42").await;
        if service.version == ApiVersion::V1 {
            assert_eq!((response.status, response.json()), (404, none()));
        } else {
            assert_eq!(response.status, 200, "{response:?}");
            assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(
                (response.header("content-disposition"), response.header("cache-control")),
                (Some("attachment"), Some("no-store"))
            );
            assert!(response.text.starts_with("An emulated transcript"));
        }
    }

    async fn only_participants_learn_whether_a_transcription_exists(service: Service) {
        let id = service.create_running().await;
        let session = call(&service);
        for user in ["stranger", ""] {
            let response = transcription(&service, &id, &session, user).await;
            assert_eq!((response.status, response.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#));
        }
        let unknown = transcription(&service, "unknown", &session, "patient-42").await;
        assert_eq!((unknown.status, unknown.json()), (404, json!({"error": "Room with id unknown not found on CRUD"})));
    }
}

#[tokio::test]
async fn a_session_of_another_room_is_not_found() {
    let service = Service::start(ApiVersion::V2, &TRANSCRIBED).await;
    let other = service.create_running().await;
    let session = call(&service);
    assert_eq!(service.delete(&other).await.status, 204);
    let own = service.create_running().await;
    let calls = service.emulator.calls_of(Operation::GetTranscription);
    for session in [session.as_str(), "session_unknown", "%0a"] {
        let response = transcription(&service, &own, session, "patient-42").await;
        assert_eq!(response.status, 404, "{session}: {response:?}");
    }
    assert_eq!(service.emulator.calls_of(Operation::GetTranscription), calls);
}

#[tokio::test]
async fn a_session_that_would_be_another_path_is_not_found() {
    let service = Service::start(ApiVersion::V2, &TRANSCRIBED).await;
    let own = service.create_running().await;
    // Clients resolve such paths before they send them.
    for session in [".", "..", "%2e", "%2E%2e"] {
        let request = format!(
            "GET /transcription/{own}/{session} HTTP/1.1\r\nhost: x\r\nmiauserid: patient-42\r\nconnection: close\r\n\r\n"
        );
        let response = exchange(service.address(), request.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 404 "), "{session}: {response}");
    }
    assert_eq!(service.emulator.calls_of(Operation::GetSession), 0);
}

#[tokio::test]
async fn a_missing_transcription_is_404() {
    let unrecorded = Service::start(ApiVersion::V2, &[]).await;
    let id = unrecorded.create_running().await;
    let session = call(&unrecorded);
    let response = transcription(&unrecorded, &id, &session, "patient-42").await;
    assert_eq!((response.status, response.json()), (404, none()));
    let early = unrecorded.create(&in_minutes(60), 2, &[patient()]).await;
    let response = transcription(&unrecorded, &early, &session, "patient-42").await;
    assert_eq!((response.status, response.json()), (404, none()));
}

#[tokio::test]
async fn files_beyond_the_limit_are_refused_or_cut_off() {
    let limits = [TRANSCRIBED[0], TRANSCRIBED[1], ("TRANSCRIPTION_MAX_FILE_SIZE", "10B")];
    let service = Service::start(ApiVersion::V2, &limits).await;
    let id = service.create_running().await;
    let session = call(&service);
    let response = transcription(&service, &id, &session, "patient-42").await;
    assert_eq!(
        (response.status, response.json()),
        (502, json!({"error": "The transcription is larger than 10 bytes"}))
    );

    // A file without a declared length turns out too long during the transfer.
    let limits = [TRANSCRIBED[0], TRANSCRIBED[1], ("TRANSCRIPTION_MAX_FILE_SIZE", "100KB")];
    let service = Service::start(ApiVersion::V2, &limits).await;
    let id = service.create_running().await;
    let session = call(&service);
    service.emulator.faults().add(Fault::on(Operation::GetTranscription).action(Action::HugeBody(1 << 20)));
    let url = format!("http://{}/transcription/{id}/{session}", service.address());
    let response = crate::support::http_client().get(url).header("miauserid", "patient-42").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}
