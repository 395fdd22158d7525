//! Requests that are repeated with the same `Idempotency-Key` create one teleconsultation and get one response,
//! whatever failed before.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::{Value, json};

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Response, Service, in_minutes, on_every_platform, person};

const CREATE: &str = "/teleconsultation";

fn body() -> Value {
    consultation(&in_minutes(60), 2, &[doctor(), patient()])
}

fn id(response: &Response) -> String {
    assert_eq!(response.status, 201, "{response:?}");
    response.json()["roomId"].as_str().unwrap().to_owned()
}

on_every_platform! {
    async fn a_repeated_request_gets_the_same_response_and_one_room(service: Service) {
        let mut service = service;
        let body = body();
        let first = id(&service.post_keyed(CREATE, "k1", &body).await);
        assert_eq!(id(&service.post_keyed(CREATE, "k1", &body).await), first);
        service.restart().await;
        assert_eq!(id(&service.post_keyed(CREATE, "k1", &body).await), first);
        assert_eq!((service.emulator.rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 1));
        assert_ne!(id(&service.post_keyed(CREATE, "k2", &body).await), first, "another key creates another teleconsultation");
    }

    async fn a_different_request_with_the_same_key_is_422_without_effect(service: Service) {
        id(&service.post_keyed(CREATE, "k", &body()).await);
        let other = consultation(&in_minutes(90), 2, &[doctor(), patient()]);
        let response = service.post_keyed(CREATE, "k", &other).await;
        assert_eq!((response.status, &response.json()["code"]), (422, &json!("key_reused")));
        assert_eq!(service.emulator.rooms().len(), 1);
    }

    async fn a_repeat_adopts_a_room_that_was_created_despite_an_error(service: Service) {
        let body = body();
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
        service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
        assert_eq!(service.post_keyed(CREATE, "k", &body).await.status, 502);
        service.emulator.faults().clear();
        let id = id(&service.post_keyed(CREATE, "k", &body).await);
        assert_eq!((service.emulator.rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 1));
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
        assert_eq!(service.metric("teleconsult_room_open_attempts").await, Some(0.0));
    }

    async fn a_repeat_creates_the_room_that_an_error_prevented(service: Service) {
        let mut service = service;
        let body = body();
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_before());
        assert_eq!(service.post_keyed(CREATE, "k", &body).await.status, 502);
        let id = id(&service.post_keyed(CREATE, "k", &body).await);
        service.restart().await;
        assert_eq!((service.emulator.live_rooms().len(), service.view(&id, "patient-42").await.status), (1, 200));
    }

    async fn a_request_refused_by_the_rules_is_refused_again(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[patient(), person("q", "patient")]);
        for _ in 0..2 {
            let response = service.post_keyed(CREATE, "k", &body).await;
            assert_eq!(response.text, r#"{"error":"Failed POST /teleconsultation: no plus user in room"}"#);
        }
    }

    async fn a_participant_is_added_once(service: Service) {
        let first = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        let path = format!("/teleconsultation/{first}/participants/data");
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(500));
        assert_eq!(service.post_keyed(&path, "k", &person("q", "patient")).await.status, 502);
        for _ in 0..2 {
            let response = service.post_keyed(&path, "k", &person("q", "patient")).await;
            assert_eq!((response.status, response.text.as_str()), (201, ""), "{response:?}");
        }
        assert_eq!((service.emulator.live_rooms().len(), service.view(&first, "q").await.status), (1, 200));
        // The same key with another teleconsultation is a different key.
        let second = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        let path = format!("/teleconsultation/{second}/participants/data");
        assert_eq!(service.post_keyed(&path, "k", &person("q", "patient")).await.status, 201);
        assert_eq!(service.view(&second, "q").await.status, 200);
    }

    async fn a_refused_request_may_be_corrected_under_its_key(service: Service) {
        let refused = consultation(&in_minutes(60), 2, &[patient(), person("q", "patient")]);
        assert_eq!(service.post_keyed(CREATE, "k", &refused).await.status, 400);
        let corrected = body();
        let first = id(&service.post_keyed(CREATE, "k", &corrected).await);
        assert_eq!(id(&service.post_keyed(CREATE, "k", &corrected).await), first);
        assert_eq!(service.post_keyed(CREATE, "k", &refused).await.status, 422, "the key is used now");

        let path = format!("{CREATE}/{first}/participants/data");
        let full = service.post_keyed(&path, "k", &person("q", "patient")).await;
        assert_eq!((full.status, service.post_keyed(&path, "k", &person("r", "patient")).await.status), (409, 409));
        let path = format!("{CREATE}/65e6f0a1b2c3d4e5f6a7b8c9/participants/data");
        let absent = service.post_keyed(&path, "k", &person("q", "patient")).await;
        assert_eq!((absent.status, service.post_keyed(&path, "k", &person("r", "patient")).await.status), (404, 404));
    }

    async fn callers_do_not_share_their_keys(service: Service) {
        let body = body();
        let mut created = Vec::new();
        for user in [None, Some("anna"), Some("bruno"), None, Some("anna"), Some("bruno")] {
            created.push(id(&service.post_keyed_as(user, CREATE, "k", &body).await));
        }
        let (first, repeated) = created.split_at(3);
        assert_eq!((first, service.emulator.rooms().len()), (repeated, 3));
    }

    async fn a_person_whom_a_slower_holder_adds_is_added_once(service: Service) {
        let created = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        let path = format!("{CREATE}/{created}/participants/data");
        let third = person("q", "patient");
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(2))));
        let (slower, faster) = tokio::join!(service.post_keyed(&path, "k", &third), async {
            service.until_called(Operation::CreateUser, 3).await;
            service.database.execute("UPDATE keyed_requests SET lease_until = 0").await;
            service.post_keyed(&path, "k", &third).await
        });
        assert_eq!(faster.status, 201, "{faster:?}");
        assert!(matches!(slower.status, 201 | 409), "{slower:?}");
        assert_eq!(service.post_keyed(&path, "k", &third).await.status, 201);
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
    }

    async fn all_holders_of_a_key_report_one_id(service: Service) {
        let body = body();
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(2))));
        let (slower, faster) = tokio::join!(service.post_keyed(CREATE, "k", &body), async {
            service.until_called(Operation::CreateUser, 2).await;
            service.database.execute("UPDATE keyed_requests SET lease_until = 0").await;
            service.post_keyed(CREATE, "k", &body).await
        });
        let reported = id(&service.post_keyed(CREATE, "k", &body).await);
        for response in [slower, faster] {
            assert!(response.status == 409 || id(&response) == reported, "{response:?} instead of {reported}");
        }
    }

    async fn a_teleconsultation_without_a_room_is_created_once_too(service: Service) {
        let body = consultation(&in_minutes(60), 3, &[doctor(), patient()]);
        let first = id(&service.post_keyed(CREATE, "k", &body).await);
        assert_eq!(id(&service.post_keyed(CREATE, "k", &body).await), first);
    }
}

mod short_lease {
    use super::*;

    fn of_one_second(_: ApiVersion) -> crate::support::service::Variables {
        &[("TELECONSULT_LEASE_SECONDS", "1")]
    }

    on_every_platform! {
        with of_one_second;

        async fn a_key_is_held_as_long_as_its_request_runs(service: Service) {
            let body = body();
            service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(3))));
            let (first, repeated) = tokio::join!(service.post_keyed(CREATE, "k", &body), async {
                service.until_called(Operation::CreateUser, 2).await;
                loop {
                    // Each round is a request, so the loop does not spin.
                    let response = service.post_keyed(CREATE, "k", &body).await;
                    if response.status != 409 {
                        return response;
                    }
                }
            });
            assert_eq!(id(&first), id(&repeated));
            assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
        }
    }
}

#[tokio::test]
async fn a_repeat_during_the_first_request_is_409_with_retry_after() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let body = body();
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_millis(500))));
    let (first, early) = tokio::join!(service.post_keyed(CREATE, "k", &body), async {
        service.until_called(Operation::CreateUser, 2).await;
        service.post_keyed(CREATE, "k", &body).await
    });
    assert_eq!((early.status, early.header("retry-after")), (409, Some("1")));
    assert_eq!(early.json()["code"], json!("request_running"));
    assert_eq!(id(&service.post_keyed(CREATE, "k", &body).await), id(&first));
}

#[tokio::test]
async fn a_repeat_for_a_different_kind_of_room_discards_the_first() {
    // The settings changed between the two requests: a room is adopted only if the same room would be requested now.
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    let body = body();
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
    service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
    assert_eq!(service.post_keyed(CREATE, "k", &body).await.status, 502);
    service.emulator.faults().clear();
    service.database.execute("UPDATE attempts SET spec_digest = 'something else'").await;
    id(&service.post_keyed(CREATE, "k", &body).await);
    service.until_called(Operation::DeleteRoom, 1).await;
    assert_eq!((service.emulator.rooms().len(), service.emulator.live_rooms().len()), (2, 1));
    service.restart().await;
    assert_eq!(service.emulator.live_rooms().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_400() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let response = service.post_keyed(CREATE, &"k".repeat(256), &body()).await;
    let message = "headers.idempotency-key must be one text of 1 to 255 plain characters";
    assert_eq!((response.status, response.sentence().as_str()), (400, message));
    assert!(service.emulator.calls().is_empty());
}

#[tokio::test]
async fn a_key_expires_after_a_day() {
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    let first = id(&service.post_keyed(CREATE, "k", &body()).await);
    service.database.execute("UPDATE keyed_requests SET created_at = created_at - 86400001").await;
    service.restart().await;
    service.until_metric("process_start_time_seconds", |_| true).await;
    let other = consultation(&in_minutes(90), 2, &[doctor(), patient()]);
    let again = async {
        loop {
            let response = service.post_keyed(CREATE, "k", &other).await;
            // Expired keys are deleted in the background, soon after the start.
            if response.status != 422 {
                return id(&response);
            }
        }
    };
    let again = tokio::time::timeout(crate::support::service::PATIENCE, again).await.expect("the key is deleted");
    assert_ne!(again, first);
}
