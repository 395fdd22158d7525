//! Requests that are repeated under the same `Idempotency-Key`: one teleconsultation and one answer, whatever went wrong.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::{Value, json};

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Answer, Service, in_minutes, on_every_platform, person};

const CREATE: &str = "/teleconsultation";

fn body() -> Value {
    consultation(&in_minutes(60), 2, &[doctor(), patient()])
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["roomId"].as_str().unwrap().to_owned()
}

on_every_platform! {
    async fn a_repeat_gives_the_same_answer_and_makes_nothing_twice(service: Service) {
        let mut service = service;
        let body = body();
        let first = id(&service.post_keyed(CREATE, "k1", &body).await);
        assert_eq!(id(&service.post_keyed(CREATE, "k1", &body).await), first);
        service.restart().await;
        assert_eq!(id(&service.post_keyed(CREATE, "k1", &body).await), first);
        assert_eq!((service.emulator.rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 1));
        assert_ne!(id(&service.post_keyed(CREATE, "k2", &body).await), first, "another key is another one");
    }

    async fn another_request_under_the_same_key_is_422_and_does_nothing(service: Service) {
        id(&service.post_keyed(CREATE, "k", &body()).await);
        let other = consultation(&in_minutes(90), 2, &[doctor(), patient()]);
        let answer = service.post_keyed(CREATE, "k", &other).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("key_reused")));
        assert_eq!(service.emulator.rooms().len(), 1);
    }

    async fn a_repeat_after_an_error_adopts_the_room_that_was_made_all_the_same(service: Service) {
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

    async fn a_repeat_after_an_error_makes_the_room_that_was_never_made(service: Service) {
        let mut service = service;
        let body = body();
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_before());
        assert_eq!(service.post_keyed(CREATE, "k", &body).await.status, 502);
        let id = id(&service.post_keyed(CREATE, "k", &body).await);
        service.restart().await;
        assert_eq!((service.emulator.live_rooms().len(), service.view(&id, "patient-42").await.status), (1, 200));
    }

    async fn what_the_rules_refuse_is_refused_again(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[patient(), person("q", "patient")]);
        for _ in 0..2 {
            let answer = service.post_keyed(CREATE, "k", &body).await;
            assert_eq!(answer.text, r#"{"error":"Failed POST /teleconsultation: no plus user in room"}"#);
        }
    }

    async fn somebody_is_added_once(service: Service) {
        let first = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        let path = format!("/teleconsultation/{first}/participants/data");
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(500));
        assert_eq!(service.post_keyed(&path, "k", &person("q", "patient")).await.status, 502);
        for _ in 0..2 {
            let answer = service.post_keyed(&path, "k", &person("q", "patient")).await;
            assert_eq!((answer.status, answer.text.as_str()), (201, ""), "{answer:?}");
        }
        assert_eq!((service.emulator.live_rooms().len(), service.view(&first, "q").await.status), (1, 200));
        // The same key for another teleconsultation is another one.
        let second = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        let path = format!("/teleconsultation/{second}/participants/data");
        assert_eq!(service.post_keyed(&path, "k", &person("q", "patient")).await.status, 201);
        assert_eq!(service.view(&second, "q").await.status, 200);
    }

    async fn one_without_a_room_yet_is_made_once_too(service: Service) {
        let body = consultation(&in_minutes(60), 3, &[doctor(), patient()]);
        let first = id(&service.post_keyed(CREATE, "k", &body).await);
        assert_eq!(id(&service.post_keyed(CREATE, "k", &body).await), first);
    }
}

#[tokio::test]
async fn a_repeat_while_the_first_is_carried_out_is_409_and_says_when_to_come_back() {
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
async fn a_repeat_that_asks_for_another_kind_of_room_discards_the_first() {
    // The rules changed between the two: what is adopted must be what would be asked for now.
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
async fn a_key_that_is_no_plain_text_is_400() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let answer = service.post_keyed(CREATE, &"k".repeat(256), &body()).await;
    let message = "headers.idempotency-key must be one text of 1 to 255 plain characters";
    assert_eq!((answer.status, answer.sentence().as_str()), (400, message));
    assert!(service.emulator.calls().is_empty());
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    let first = id(&service.post_keyed(CREATE, "k", &body()).await);
    service.database.execute("UPDATE keyed_requests SET created_at = created_at - 86400001").await;
    service.restart().await;
    service.until_metric("process_start_time_seconds", |_| true).await;
    let other = consultation(&in_minutes(90), 2, &[doctor(), patient()]);
    let again = async {
        loop {
            let answer = service.post_keyed(CREATE, "k", &other).await;
            // Forgotten in the background, soon after the start.
            if answer.status != 422 {
                return id(&answer);
            }
        }
    };
    let again = tokio::time::timeout(crate::support::service::PATIENCE, again).await.expect("the key is forgotten");
    assert_ne!(again, first);
}
