//! A request that was answered 504 begins nothing afterwards; what is under way is finished and recorded.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use bandyer_client::uploads::UploadKind;
use reqwest::Method;
use serde_json::json;

use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Response, Service, in_minutes, on_every_platform, person};

/// Time for a response, long enough for what comes before the slow call.
const SHORT: Duration = Duration::from_millis(500);
const CREATE: &str = "/teleconsultation";

/// Longer than a request may take.
fn slow(operation: Operation) -> Fault {
    Fault::on(operation).action(Action::Delay(4 * SHORT))
}

fn is_too_late(response: &Response) {
    assert_eq!((response.status, &response.json()["code"]), (504, &json!("request_timeout")), "{response:?}");
}

on_every_platform! {
    async fn no_room_is_requested_after_504(service: Service) {
        let mut service = service;
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        service.restart_with_request_timeout(SHORT).await;
        service.emulator.faults().add(slow(Operation::CreateUser).times(2));
        is_too_late(&service.post_keyed(CREATE, "k", &body).await);
        // Stopping waits for running work.
        service.restart().await;
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 0);

    }

    async fn a_room_under_way_at_504_is_recorded(service: Service) {
        let mut service = service;
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        service.create_later().await;
        service.restart_with_request_timeout(SHORT).await;
        service.emulator.faults().add(slow(Operation::CreateRoom));
        is_too_late(&service.post_keyed(CREATE, "k", &body).await);
        service.restart_with_request_timeout(Duration::from_secs(90)).await;
        let repeated = service.post_keyed(CREATE, "k", &body).await;
        assert_eq!((repeated.status, service.emulator.calls_of(Operation::CreateRoom)), (201, 2));
    }
}

#[tokio::test]
async fn a_change_that_waits_for_its_turn_ends_at_504() {
    for platform in [Platform::ALONE, Platform::CRUD] {
        let mut service = Service::on(platform, ApiVersion::V2, &[]).await;
        let id = service.create_later().await;
        service.restart_with_request_timeout(SHORT).await;
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(10 * SHORT)));
        let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        let (changed, deleted) = tokio::join!(service.patch(&id, &change), async {
            // The third user is new: by now the change has its turn.
            service.until_called(Operation::CreateUser, 3).await;
            service.delete(&id).await
        });
        is_too_late(&changed);
        is_too_late(&deleted);
        service.restart_with_request_timeout(Duration::from_secs(90)).await;
        assert_eq!(service.view(&id, "q").await.status, 200, "changed, and not deleted");
    }
}

#[tokio::test]
async fn no_credential_is_issued_after_504() {
    let mut service = Service::on(Platform::AUTH, ApiVersion::V2, &[]).await;
    service.auth.as_ref().unwrap().has("dr.rossi", &json!(["doctor"]), "Anna Rossi");
    service.restart_with_request_timeout(SHORT).await;
    service.emulator.faults().add(slow(Operation::CreateUser));
    is_too_late(&service.call(Method::POST, "/credentials", Some("dr.rossi"), None).await);
    service.restart().await;
    assert_eq!(service.emulator.calls_of(Operation::IssueCredential), 0);
}

#[tokio::test]
async fn no_file_is_deleted_after_504() {
    let mut service = Service::start(ApiVersion::V2, &[("TELECONSULTATION_DELETE_UPLOADS", "true")]).await;
    let id = service.create_running().await;
    let (room, users) = service.room_and_users();
    service.emulator.join(&room, &users[1]).unwrap();
    service.emulator.upload(&room, &users[1], UploadKind::File, "file".to_owned()).unwrap();
    service.restart_with_request_timeout(SHORT).await;
    service.emulator.faults().add(slow(Operation::ListUploads));
    let path = format!("/teleconsultation/{id}/uploads");
    is_too_late(&service.call(Method::DELETE, &path, None, None).await);
    service.restart().await;
    assert_eq!(service.emulator.calls_of(Operation::DeleteUpload), 0);
}
