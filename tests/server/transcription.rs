//! `GET /transcription/:roomId/:sessionId`.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::json;

use crate::support::service::{Variables, patient};
use crate::support::{Answer, Service, in_minutes, on_every_platform};

const TRANSCRIBED: [(&str, &str); 2] =
    [("DEFAULT_RECORDING_TYPE", "automatic"), ("TELECONSULT_OFFLINE_TRANSCRIPTION", "true")];

/// A call of the doctor and the patient; gives the session.
fn call(service: &Service) -> String {
    let (room, users) = service.room_and_users();
    service.emulator.join(&room, &users[0]).unwrap();
    service.emulator.join(&room, &users[1]).unwrap();
    service.emulator.advance(Duration::from_secs(60));
    service.emulator.leave(&room, &users[0]).unwrap();
    // A room that rings ends with the second last.
    let _ = service.emulator.leave(&room, &users[1]);
    service.emulator.sessions().pop().unwrap().id
}

async fn transcription(service: &Service, id: &str, session: &str, user: &str) -> Answer {
    service.get(&format!("/transcription/{id}/{session}"), user).await
}

fn none() -> serde_json::Value {
    json!({"error": "There is no transcription of this session"})
}

/// The first generation has no transcriptions.
fn transcribed(version: ApiVersion) -> Variables {
    if version == ApiVersion::V1 { &TRANSCRIBED[..1] } else { &TRANSCRIBED }
}

on_every_platform! {
    with transcribed;

    async fn a_participant_gets_the_vendors_file_as_it_is(service: Service) {
        let id = service.create_running().await;
        let session = call(&service);
        let answer = transcription(&service, &id, &session, "patient-42").await;
        if service.version == ApiVersion::V1 {
            assert_eq!((answer.status, answer.json()), (404, none()));
        } else {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(
                (answer.header("content-disposition"), answer.header("cache-control")),
                (Some("attachment"), Some("no-store"))
            );
            assert!(answer.text.starts_with("An emulated transcript"));
        }
    }

    async fn only_participants_are_told_whether_there_is_one(service: Service) {
        let id = service.create_running().await;
        let session = call(&service);
        for user in ["stranger", ""] {
            let answer = transcription(&service, &id, &session, user).await;
            assert_eq!((answer.status, answer.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#));
        }
        let unknown = transcription(&service, "unknown", &session, "patient-42").await;
        assert_eq!((unknown.status, unknown.json()), (404, json!({"error": "Room with id unknown not found on CRUD"})));
    }
}

#[tokio::test]
async fn a_session_of_another_room_is_nobodys_business() {
    let service = Service::start(ApiVersion::V2, &TRANSCRIBED).await;
    let theirs = service.create_running().await;
    let session = call(&service);
    assert_eq!(service.delete(&theirs).await.status, 204);
    let own = service.create_running().await;
    let calls = service.emulator.calls_of(Operation::GetTranscription);
    for session in [session.as_str(), "session_unknown", "%0a"] {
        let answer = transcription(&service, &own, session, "patient-42").await;
        assert_eq!(answer.status, 404, "{session}: {answer:?}");
    }
    assert_eq!(service.emulator.calls_of(Operation::GetTranscription), calls);
}

#[tokio::test]
async fn where_there_is_none_the_answer_is_404() {
    let unrecorded = Service::start(ApiVersion::V2, &[]).await;
    let id = unrecorded.create_running().await;
    let session = call(&unrecorded);
    let answer = transcription(&unrecorded, &id, &session, "patient-42").await;
    assert_eq!((answer.status, answer.json()), (404, none()));
    let early = unrecorded.create(&in_minutes(60), 2, &[patient()]).await;
    let answer = transcription(&unrecorded, &early, &session, "patient-42").await;
    assert_eq!((answer.status, answer.json()), (404, none()));
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_refused_and_one_that_breaks_off_breaks_the_connection() {
    let limits = [TRANSCRIBED[0], TRANSCRIBED[1], ("TRANSCRIPTION_MAX_FILE_SIZE", "10B")];
    let service = Service::start(ApiVersion::V2, &limits).await;
    let id = service.create_running().await;
    let session = call(&service);
    let answer = transcription(&service, &id, &session, "patient-42").await;
    assert_eq!((answer.status, answer.json()), (502, json!({"error": "The transcription is larger than 10 bytes"})));

    // One that does not say how long it is turns out to be too long on the way.
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
