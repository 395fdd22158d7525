//! `PATCH /teleconsultation/:roomId`.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::service::{doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

fn people(number: usize, people: &[Value]) -> Value {
    json!({"participants": {"number": number, "data": people}})
}

on_every_platform! {
    async fn other_participants_get_a_new_room_and_the_old_is_deleted(service: Service) {
        let id = service.create_later().await;
        let old = service.emulator.live_rooms().remove(0).id;
        let response = service.patch(&id, &people(2, &[doctor(), person("relative", "patient")])).await;
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        service.until_called(Operation::DeleteRoom, 1).await;
        let rooms = service.emulator.live_rooms();
        assert_eq!(rooms.len(), 1);
        assert_ne!(rooms[0].id, old);
        assert_eq!(service.view(&id, "patient-42").await.status, 401);
        assert_eq!(service.view(&id, "relative").await.status, 200);
    }

    async fn new_names_and_dates_keep_an_unlimited_room(service: Service) {
        let id = service.create_later().await;
        let mut renamed = patient();
        renamed["fullName"] = json!("Another Name");
        let change = json!({"start_date": in_minutes(-5), "end_date": in_minutes(90),
                            "participants": {"number": 2, "data": [renamed, doctor()]}});
        assert_eq!(service.patch(&id, &change).await.status, 204);
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
        let view = service.view(&id, "dr.rossi").await.json();
        assert!(view["accessLinkURL"].is_string(), "the start is now in the past, so the link is shown");
        assert_eq!(view["participantsBandyerCall"][0]["fullName"], json!("Another Name"));
        let response = service.patch(&id, &json!({"end_date": in_minutes(95)})).await;
        assert_eq!(response.status, 409, "a teleconsultation that has started cannot be changed");
    }

    async fn a_new_start_alone_moves_the_teleconsultation_and_keeps_its_duration(service: Service) {
        let id = service.create_later().await;
        // It starts after its former end, so the end has to move too.
        let tomorrow = json!({"start_date": in_minutes(24 * 60)});
        assert_eq!(service.patch(&id, &tomorrow).await.status, 204);
        assert_eq!(service.patch(&id, &json!({"start_date": in_minutes(-1)})).await.status, 204);
        assert!(service.view(&id, "dr.rossi").await.json()["accessLinkURL"].is_string());
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
    }

    async fn a_list_that_becomes_incomplete_loses_its_room(service: Service) {
        let id = service.create_later().await;
        assert_eq!(service.patch(&id, &people(3, &[doctor(), patient()])).await.status, 204);
        service.until_called(Operation::DeleteRoom, 1).await;
        assert!(service.emulator.live_rooms().is_empty());
        assert_eq!(service.view(&id, "dr.rossi").await.json()["details"], json!(null));
    }

    async fn a_list_that_becomes_complete_gets_a_room(service: Service) {
        let id = service.create(&in_minutes(0), 3, &[doctor()]).await;
        assert_eq!(service.patch(&id, &people(2, &[doctor(), patient()])).await.status, 204);
        service.link(&id, "patient-42").await;
        assert_eq!(service.emulator.live_rooms().len(), 1);
    }

    async fn a_refused_change_has_no_effect(service: Service) {
        let id = service.create_later().await;
        for (change, message) in [
            (people(2, &[patient(), person("q", "patient")]), "Failed PATCH /teleconsultation: no plus user in room"),
            (json!({"end_date": in_minutes(61)}), "the duration must be at least 300 seconds"),
            (json!({"end_date": in_minutes(10)}), "end_date must be after start_date"),
            (
                json!({"end_date": in_minutes(99), "duration_in_seconds": 900}),
                "body must have exactly one of the properties 'end_date', 'duration_in_seconds'",
            ),
            (
                json!({"end_date": in_minutes(99), "duration_in_seconds": "long"}),
                "body must have exactly one of the properties 'end_date', 'duration_in_seconds'",
            ),
        ] {
            let response = service.patch(&id, &change).await;
            assert_eq!((response.status, response.sentence().as_str()), (400, message));
        }
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
    }

    async fn an_unknown_id_is_not_found(service: Service) {
        let response = service.patch("0123456789abcdef01234567", &json!({})).await;
        let expected = r#"{"statusCode":404,"error":"Not Found","message":"Something went wrong"}"#;
        assert_eq!((response.status, response.text.as_str()), (404, expected));
    }

    async fn concurrent_changes_are_serialized_and_leave_one_room(service: Service) {
        let id = service.create_later().await;
        let changes: Vec<Value> = (0..6)
            .map(|n| people(2, &[doctor(), person(&format!("p{n}"), "patient")]))
            .collect();
        let responses = futures_util::future::join_all(changes.iter().map(|change| service.patch(&id, change))).await;
        assert!(responses.iter().all(|response| response.status == 204), "{responses:?}");
        service.until_called(Operation::DeleteRoom, 6).await;
        assert_eq!(service.emulator.live_rooms().len(), 1);
        assert_eq!(service.emulator.rooms().len(), 7);
    }
}

mod limited {
    use super::*;
    use crate::support::service::Variables;

    fn limited(_: ApiVersion) -> Variables {
        &[("UNLIMITED_TELECONSULTATION", "false")]
    }

    on_every_platform! {
        with limited;

        async fn a_new_duration_needs_a_new_room_if_durations_are_limited(service: Service) {
            let id = service.create_later().await;
            assert_eq!(service.patch(&id, &json!({"duration_in_seconds": 3600})).await.status, 204);
            service.until_called(Operation::DeleteRoom, 1).await;
            assert_eq!(service.emulator.live_rooms()[0].duration, Some(3600));
            let response = service.patch(&id, &json!({"duration_in_seconds": 90_000})).await;
            assert_eq!((response.status, response.sentence().as_str()), (400, "the duration must be at most 86400 seconds"));
        }
    }
}

#[tokio::test]
async fn a_room_created_after_the_window_opens_replaces_nothing() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let start = format!("{:.3}", Timestamp::now() + SignedDuration::from_secs(5));
    let id = service.create(&start, 2, &[doctor(), patient()]).await;
    // The change is accepted before the start, but the vendor responds only after it.
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_secs(5))));
    let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
    let response = service.patch(&id, &change).await;
    let sentence = format!("Failed PATCH /teleconsultation/{id}: the teleconsultation can no longer be changed");
    assert_eq!((response.status, response.json()), (409, json!({"error": sentence})));
    service.until_called(Operation::DeleteRoom, 1).await;
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 2, "the room was requested before the start");
    assert_eq!(service.emulator.live_rooms().len(), 1);
    let (status, _) = service.open(&service.link(&id, "patient-42").await).await;
    assert_eq!((status, service.view(&id, "q").await.status), (200, 401));
}
