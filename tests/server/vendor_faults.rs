//! Vendor faults: the response reports them, no room is created twice or left over, and a later attempt succeeds.

use bandyer_client::RoomId;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::json;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Response, Service, in_minutes, on_every_platform, person};

async fn create(service: &Service) -> Response {
    service.post("/teleconsultation", &consultation(&in_minutes(60), 2, &[doctor(), patient()])).await
}

/// After the fault a new attempt succeeds, and in the end every room of the deployment belongs to a record.
async fn recovers(service: &mut Service, rooms: usize) {
    service.emulator.faults().clear();
    let response = create(service).await;
    assert_eq!(response.status, 201, "{response:?}");
    service.restart().await;
    let deletions = service.emulator.rooms().len() - rooms;
    service.until_called(Operation::DeleteRoom, deletions).await;
    assert_eq!(service.emulator.live_rooms().len(), rooms, "{:?}", service.emulator.rooms());
    assert_eq!(service.emulator.users().len(), 2);
}

on_every_platform! {
    async fn a_refused_room_is_502_and_requested_once(service: Service) {
        let mut service = service;
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(422));
        let response = create(&service).await;
        assert_eq!((response.status, &response.json()["code"]), (502, &json!("upstream_error")));
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
        recovers(&mut service, 1).await;
    }

    async fn a_room_whose_response_is_lost_is_found_and_adopted(service: Service) {
        for action in [Action::ResetAfter, Action::Truncate, Action::Garbage] {
            service.emulator.reset();
            service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(action.clone()));
            let mut body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
            body["participants"]["data"][0]["userId"] = json!(format!("d-{action:?}"));
            body["participants"]["data"][1]["userId"] = json!(format!("p-{action:?}"));
            let response = service.post("/teleconsultation", &body).await;
            assert_eq!(response.status, 201, "{action:?}: {response:?}");
            let id = response.json()["roomId"].as_str().unwrap().to_owned();
            let (status, _) = service.open(&service.link(&id, &format!("p-{action:?}")).await).await;
            assert_eq!((status, service.emulator.rooms().len()), (200, 1), "{action:?}");
        }
    }

    async fn a_room_created_despite_a_500_is_adopted_too(service: Service) {
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(500).after_effect());
        assert_eq!(create(&service).await.status, 201);
        assert_eq!((service.emulator.rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 1));
    }

    async fn a_lost_room_that_cannot_be_searched_is_deleted_later(service: Service) {
        let mut service = service;
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
        service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
        let response = create(&service).await;
        assert_eq!((response.status, &response.json()["code"]), (502, &json!("upstream_error")));
        assert_eq!(service.emulator.live_rooms().len(), 1, "an orphan, for now");
        recovers(&mut service, 1).await;
    }

    async fn a_room_that_was_not_created_leaves_nothing(service: Service) {
        let mut service = service;
        for fault in [Fault::on(Operation::CreateRoom).reset_before(), Fault::on(Operation::CreateRoom).status(503),
                      Fault::on(Operation::CreateRoom).action(Action::Html502)] {
            service.emulator.faults().add(fault);
            let response = create(&service).await;
            assert_eq!((response.status, &response.json()["error"]), (502, &json!("Bad Gateway")));
        }
        assert!(service.emulator.rooms().is_empty());
        recovers(&mut service, 1).await;
    }

    async fn a_failed_replacement_keeps_the_old_room(service: Service) {
        let id = service.create_later().await;
        let old = service.emulator.live_rooms().remove(0).id;
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(500));
        let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        assert_eq!(service.patch(&id, &change).await.status, 502);
        assert_eq!(service.emulator.live_rooms().remove(0).id, old);
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
        assert_eq!(service.patch(&id, &change).await.status, 204);
        service.until_called(Operation::DeleteRoom, 1).await;
        assert_eq!(service.emulator.live_rooms().len(), 1);
        assert_ne!(service.emulator.live_rooms()[0].id, old);
    }

    async fn a_quota_refusal_is_503_with_a_time_to_retry(service: Service) {
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(429).retry_after("120"));
        let response = create(&service).await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("120")));
        assert_eq!(response.json()["code"], json!("upstream_busy"));
    }

    async fn a_short_quota_refusal_is_waited_out(service: Service) {
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).status(429).retry_after("0"));
        assert_eq!((create(&service).await.status, service.emulator.rooms().len()), (201, 1));
    }

    async fn a_wrong_api_key_is_502_and_not_401(service: Service) {
        service.emulator.faults().add(Fault::on_any().always().status(401));
        let response = create(&service).await;
        assert_eq!((response.status, response.header("www-authenticate")), (502, None));
    }

    async fn a_user_created_before_a_lost_response_is_not_duplicated(service: Service) {
        service.emulator.faults().add(Fault::on(Operation::CreateUser).times(2).reset_after());
        assert_eq!(create(&service).await.status, 201);
        assert_eq!(service.emulator.users().len(), 2);
    }

    async fn an_endless_response_is_not_read_to_its_end(service: Service) {
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::HugeBody(1 << 30)));
        assert_eq!((create(&service).await.status, service.emulator.rooms().len()), (201, 1), "found by its marker");
    }

    async fn rooms_of_others_are_never_touched(service: Service) {
        let mut service = service;
        let others: Vec<RoomId> = ["visit", "tc1.", "tc1.other000.0123", ""]
            .into_iter()
            .map(|description| service.emulator.plant_room(description))
            .collect();
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
        service.emulator.faults().add(Fault::on(Operation::ListRooms).times(3).status(500));
        assert_eq!(create(&service).await.status, 502);
        service.restart().await;
        service.until_called(Operation::DeleteRoom, 1).await;
        let live = service.emulator.live_rooms();
        assert!(others.iter().all(|other| live.iter().any(|room| *other == room.id.as_str())) && live.len() == 4);
    }
}

#[tokio::test]
async fn a_lost_room_is_found_behind_20_100_rooms_of_others() {
    let mut service = Service::start(bandyer_client::ApiVersion::V2, &[]).await;
    service.emulator.list_rooms_oldest_first();
    for _ in 0..20_100 {
        service.emulator.plant_room("visit");
    }
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
    service.emulator.faults().add(Fault::on(Operation::ListRooms).times(3).status(500));
    assert_eq!(create(&service).await.status, 502);
    service.restart().await;
    service.until_called(Operation::DeleteRoom, 1).await;
    assert_eq!(service.emulator.live_rooms().len(), 20_100);
}

#[tokio::test]
async fn deleting_ends_if_the_vendor_calls_an_unknown_room_a_bad_request() {
    for version in [bandyer_client::ApiVersion::V1, bandyer_client::ApiVersion::V2] {
        let service = Service::start(version, &[]).await;
        service.emulator.answer_unknown_rooms_with_bad_request();
        let id = service.create_later().await;
        let room = service.room_and_users().0;
        service.emulator.client_for(version).unwrap().rooms().delete(&room).send().await.unwrap();
        assert_eq!(service.delete(&id).await.status, 204);
        service.until_metric("teleconsult_room_retirements_total", |deleted| deleted == 1.0).await;
        service.until_metric("teleconsult_room_pending_retirements", |pending| pending == 0.0).await;
    }
}

#[tokio::test]
async fn a_silent_vendor_is_504_and_the_room_is_deleted_later() {
    use bandyer_client::ApiVersion;
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).stall());
    service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
    let response = create(&service).await;
    assert_eq!((response.status, &response.json()["code"]), (504, &json!("upstream_timeout")));
    recovers(&mut service, 1).await;
}
