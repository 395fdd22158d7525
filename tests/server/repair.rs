//! A view of a teleconsultation whose room is missing creates a new room, once there is enough evidence that it is missing.

use bandyer_client::emulator::{Fault, Operation};
use bandyer_client::{ApiVersion, RoomId};
use serde_json::Value;

use crate::support::service::{PATIENCE, Platform, doctor, patient};
use crate::support::{Service, in_minutes};

/// The vendor must not find a room for a second only.
const SOON: &[(&str, &str)] = &[("TELECONSULT_ROOM_LOSS_SECONDS", "1")];

async fn lose_room(service: &Service) -> RoomId {
    let room = service.room_and_users().0;
    service.emulator.client().unwrap().rooms().delete(&room).send().await.unwrap();
    room
}

/// The link, once repeated views show one that leads somewhere.
async fn link_in_the_end(service: &Service, id: &str, user: &str) -> String {
    let found = async {
        loop {
            if let Value::String(link) = &service.view(id, user).await.json()["accessLinkURL"]
                && service.open(link).await.0 == 200
            {
                return link.clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("a link appears")
}

/// Views until the vendor was called this often from now on: each look at a room is cached for a moment.
async fn view_until_called(service: &Service, id: &str, operation: Operation, times: usize) {
    let before = service.emulator.calls_of(operation);
    let called = async {
        while service.emulator.calls_of(operation) < before + times {
            assert_eq!(service.view(id, "patient-42").await.status, 200);
        }
    };
    tokio::time::timeout(PATIENCE, called).await.expect("the vendor is called");
}

async fn is_repaired_inside_the_window(platform: Platform, version: ApiVersion, is_bad_request: bool) {
    let service = Service::on(platform, version, SOON).await;
    if is_bad_request {
        service.emulator.answer_unknown_rooms_with_bad_request();
    }
    let id = service.create_running().await;
    lose_room(&service).await;
    for user in ["patient-42", "dr.rossi"] {
        link_in_the_end(&service, &id, user).await;
    }
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 2));
    service.until_metric("teleconsult_room_pending_retirements", |pending| pending == 0.0).await;
}

#[tokio::test]
async fn a_lost_room_is_created_again_even_inside_the_window() {
    is_repaired_inside_the_window(Platform::ALONE, ApiVersion::V1, false).await;
}

#[tokio::test]
async fn a_lost_room_is_created_again_with_postgres() {
    is_repaired_inside_the_window(Platform::POSTGRES, ApiVersion::V2, false).await;
}

#[tokio::test]
async fn a_lost_room_is_created_again_with_the_crud_service() {
    is_repaired_inside_the_window(Platform::CRUD, ApiVersion::V2, false).await;
}

#[tokio::test]
async fn a_lost_room_is_created_again_where_it_is_a_bad_request() {
    is_repaired_inside_the_window(Platform::ALONE, ApiVersion::V2, true).await;
}

#[tokio::test]
async fn a_room_missed_for_a_moment_keeps_its_link() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    service.emulator.faults().add(Fault::on(Operation::GetRoom).always().status(404));
    view_until_called(&service, &id, Operation::GetRoom, 3).await;
    assert_eq!(service.open(&service.link(&id, "patient-42").await).await.0, 200);
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
}

#[tokio::test]
async fn a_missed_room_that_the_list_has_is_not_lost() {
    let mut service = Service::start(ApiVersion::V2, SOON).await;
    let id = service.create_later().await;
    service.emulator.faults().add(Fault::on(Operation::GetRoom).always().status(404));
    view_until_called(&service, &id, Operation::ListRooms, 1).await;
    // Repairs that have begun are completed.
    service.restart().await;
    assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 1));
}

#[tokio::test]
async fn an_ended_teleconsultation_gets_no_room() {
    let mut service = Service::start(ApiVersion::V2, SOON).await;
    let id = service.create(&in_minutes(-60), 2, &[doctor(), patient()]).await;
    lose_room(&service).await;
    service.database.execute(WITHOUT_ROOM).await;
    assert_eq!(service.view(&id, "patient-42").await.status, 200);
    service.restart().await;
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
}

#[tokio::test]
async fn many_views_try_a_repair_that_fails_once() {
    let mut service = Service::start(ApiVersion::V2, SOON).await;
    let id = service.create_running().await;
    lose_room(&service).await;
    service.database.execute(WITHOUT_ROOM).await;
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).always().status(422));
    view_until_called(&service, &id, Operation::CreateRoom, 1).await;
    for _ in 0..20 {
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
    }
    service.restart().await;
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 2);
}

#[tokio::test]
async fn concurrent_views_create_one_room() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    lose_room(&service).await;
    service.database.execute(WITHOUT_ROOM).await;
    futures_util::future::join_all((0..20).map(|_| service.view(&id, "patient-42"))).await;
    link_in_the_end(&service, &id, "patient-42").await;
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 2);
}

/// Removes rooms and links from all records.
const WITHOUT_ROOM: &str = r#"UPDATE teleconsultations SET room_id = NULL,
                              participants = replace(participants, 'accessLinkURL', 'unknown')"#;

#[tokio::test]
async fn a_complete_record_without_a_room_gets_one() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    let room = lose_room(&service).await;
    service.database.execute(WITHOUT_ROOM).await;
    link_in_the_end(&service, &id, "patient-42").await;
    assert_ne!(service.room_and_users().0, room);
}

#[tokio::test]
async fn a_failed_room_lookup_creates_no_second_room() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    service.emulator.faults().add(Fault::on(Operation::GetRoom).always().status(500));
    assert!(service.view(&id, "patient-42").await.json()["accessLinkURL"].is_string());
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
}
