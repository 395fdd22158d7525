//! `POST /credentials`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use reqwest::Method;
use serde_json::json;

use crate::support::{Service, on_every_platform};

on_every_platform! {
    async fn a_known_person_gets_a_token(service: Service) {
        let id = service.create_running().await;
        for body in [None, Some(json!({})), Some(json!({"expiresIn": 600})), Some(json!({"expiresIn": "86400"}))] {
            let response = service.call(Method::POST, "/credentials", Some("patient-42"), body.as_ref()).await;
            assert_eq!(response.status, 201, "{response:?}");
            let token = response.json();
            assert_eq!(token["bandyerUserId"], service.view(&id, "patient-42").await.json()["bandyerUserId"]);
            assert_eq!(token["accessToken"].as_str().unwrap().split('.').count(), 3);
            assert!(token["expiresAt"].as_str().unwrap().ends_with('Z'));
        }
    }

    async fn an_unknown_person_gets_no_token(service: Service) {
        service.create_running().await;
        for user in [None, Some("stranger"), Some("a/b")] {
            let response = service.call(Method::POST, "/credentials", user, None).await;
            assert_eq!((response.status, response.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#));
        }
        assert_eq!(service.emulator.calls_of(Operation::IssueCredential), 0);
    }

    async fn a_transient_vendor_failure_is_retried(service: Service) {
        service.create_running().await;
        service.emulator.faults().add(Fault::on(Operation::IssueCredential).status(503));
        let response = service.call(Method::POST, "/credentials", Some("dr.rossi"), None).await;
        assert_eq!((response.status, service.emulator.calls_of(Operation::IssueCredential)), (201, 2));
    }
}

/// The body is refused before the caller is looked up, so one platform stands for all.
#[tokio::test]
async fn the_lifetime_has_limits() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    service.create_running().await;
    for bad in [json!(359), json!(86_401), json!(-1), json!("soon"), json!(600.5)] {
        let response =
            service.call(Method::POST, "/credentials", Some("dr.rossi"), Some(&json!({"expiresIn": bad}))).await;
        assert_eq!(response.status, 400, "{bad}");
        assert!(response.sentence().starts_with("body.expiresIn must be "), "{response:?}");
    }
}
