//! Vendor users that the vendor no longer knows are created again, with the ids that they had.

use std::collections::BTreeSet;

use bandyer_client::UserId;
use bandyer_client::emulator::{Fault, Operation};
use reqwest::Method;
use serde_json::json;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

/// The vendor loses all users. Returns their ids.
async fn lose_users(service: &Service) -> BTreeSet<String> {
    let client = service.emulator.client_for(service.version).unwrap();
    let ids: BTreeSet<String> = service.emulator.users().into_iter().map(|user| user.id.to_string()).collect();
    for id in &ids {
        client.users().delete(&UserId::new(id.as_str()).unwrap()).send().await.unwrap();
    }
    assert!(service.emulator.users().is_empty());
    ids
}

fn users(service: &Service) -> BTreeSet<String> {
    service.emulator.users().into_iter().map(|user| user.id.to_string()).collect()
}

on_every_platform! {
    async fn people_whom_the_vendor_lost_get_their_next_room(service: Service) {
        service.create_running().await;
        let lost = lose_users(&service).await;
        let id = service.create_running().await;
        assert_eq!(users(&service), lost);
        let (status, _) = service.open(&service.link(&id, "patient-42").await).await;
        assert_eq!((status, service.emulator.calls_of(Operation::CreateRoom)), (200, 3));
    }

    async fn people_whom_the_vendor_lost_can_be_changed_and_added(service: Service) {
        let changed = service.create_later().await;
        let completed = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        lose_users(&service).await;
        let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        assert_eq!(service.patch(&changed, &change).await.status, 204);
        lose_users(&service).await;
        let path = format!("/teleconsultation/{completed}/participants/data");
        assert_eq!(service.post(&path, &person("q", "patient")).await.status, 201);
        assert_eq!(users(&service).len(), 3);
    }

    async fn a_person_whom_the_vendor_lost_gets_a_credential(service: Service) {
        service.create_running().await;
        let lost = lose_users(&service).await;
        for user in ["dr.rossi", "patient-42"] {
            let response = service.call(Method::POST, "/credentials", Some(user), None).await;
            assert_eq!(response.status, 201, "{response:?}");
        }
        assert_eq!((users(&service), service.emulator.calls_of(Operation::IssueCredential)), (lost, 4));
        // Whatever the role with which the doctor became a user again.
        service.create_running().await;
    }

    async fn a_vendor_that_knows_nobody_is_asked_twice(service: Service) {
        let id = service.create_running().await;
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).always().status(404));
        service.emulator.faults().add(Fault::on(Operation::IssueCredential).always().status(404));
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        assert_eq!(service.post("/teleconsultation", &body).await.status, 502);
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 3);
        assert_eq!(service.call(Method::POST, "/credentials", Some("dr.rossi"), None).await.status, 502);
        assert_eq!(service.emulator.calls_of(Operation::IssueCredential), 2);
        assert_eq!(service.view(&id, "dr.rossi").await.status, 200);
    }

    async fn a_refusal_while_people_are_created_again_is_reported(service: Service) {
        service.create_running().await;
        lose_users(&service).await;
        service.emulator.faults().add(Fault::on(Operation::CreateUser).always().status(422));
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        assert_eq!(service.post("/teleconsultation", &body).await.status, 502);
        assert_eq!(service.call(Method::POST, "/credentials", Some("dr.rossi"), None).await.status, 502);
        let calls = [Operation::CreateRoom, Operation::IssueCredential].map(|call| service.emulator.calls_of(call));
        assert_eq!(calls, [2, 1]);
    }
}
