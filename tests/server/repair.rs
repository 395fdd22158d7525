//! A view of a teleconsultation whose room is missing creates a new room.

use bandyer_client::emulator::Operation;
use bandyer_client::{ApiVersion, RoomId};
use serde_json::Value;

use crate::support::Service;
use crate::support::service::PATIENCE;

async fn lose_room(service: &Service) -> RoomId {
    let room = service.room_and_users().0;
    service.emulator.client().unwrap().rooms().delete(&room).send().await.unwrap();
    room
}

/// The link, once repeated views show one.
async fn link_in_the_end(service: &Service, id: &str, user: &str) -> String {
    let found = async {
        loop {
            if let Value::String(link) = &service.view(id, user).await.json()["accessLinkURL"] {
                return link.clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("a link appears")
}

#[tokio::test]
async fn a_lost_room_is_created_again_even_inside_the_window() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let service = Service::start(version, &[]).await;
        let id = service.create_running().await;
        lose_room(&service).await;
        let view = service.view(&id, "patient-42").await;
        assert_eq!((view.status, &view.json()["accessLinkURL"]), (200, &Value::Null), "a link that leads nowhere");
        for user in ["patient-42", "dr.rossi"] {
            let link = link_in_the_end(&service, &id, user).await;
            assert_eq!(service.open(&link).await.0, 200);
        }
        assert_eq!((service.emulator.live_rooms().len(), service.emulator.calls_of(Operation::CreateRoom)), (1, 2));
    }
}

#[tokio::test]
async fn concurrent_views_create_one_room() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    lose_room(&service).await;
    futures_util::future::join_all((0..20).map(|_| service.view(&id, "patient-42"))).await;
    link_in_the_end(&service, &id, "patient-42").await;
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 2);
}

#[tokio::test]
async fn a_complete_record_without_a_room_gets_one() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    let room = lose_room(&service).await;
    let without_links = r#"UPDATE teleconsultations SET room_id = NULL,
                          participants = replace(participants, 'accessLinkURL', 'unknown')"#;
    service.database.execute(without_links).await;
    let link = link_in_the_end(&service, &id, "patient-42").await;
    assert_eq!(service.open(&link).await.0, 200);
    assert_ne!(service.room_and_users().0, room);
}

#[tokio::test]
async fn a_failed_room_lookup_creates_no_second_room() {
    use bandyer_client::emulator::Fault;
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    service.emulator.faults().add(Fault::on(Operation::GetRoom).always().status(500));
    assert!(service.view(&id, "patient-42").await.json()["accessLinkURL"].is_string());
    assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
}
