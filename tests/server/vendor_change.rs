//! Rooms belong to one vendor. While another address is set, what concerns them waits.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Emulator, Fault, Operation};

use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient, pause};
use crate::support::{Service, in_minutes};

const WAITING: &str = "teleconsult_room_of_other_vendors";

async fn waits_for_its_vendor(platform: Platform) {
    let soon = [("TELECONSULT_ROOM_LOSS_SECONDS", "1"), ("TELECONSULT_LEASE_SECONDS", "1")];
    let mut service = Service::on(platform, ApiVersion::V2, &soon).await;
    let first = service.variable("BANDYER_BASE_URL").unwrap();
    let second = Emulator::start().await.unwrap();
    let kept = service.create_running().await;
    let deleted = service.create_later().await;
    service.emulator.faults().add(Fault::on(Operation::DeleteRoom).always().status(500));
    assert_eq!(service.delete(&deleted).await.status, 204);
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
    service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
    let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
    assert_eq!(service.post("/teleconsultation", &body).await.status, 502);

    service.restart_with(&[("BANDYER_BASE_URL", &second.base_url(ApiVersion::V2))]).await;
    assert_eq!(service.metric(WAITING).await, Some(2.0));
    for gauge in ["open_attempts", "pending_retirements"] {
        assert_eq!(service.metric(&format!("teleconsult_room_{gauge}")).await, Some(0.0));
    }
    // Enough looks for a loss, if this vendor had had the room.
    let looked = async {
        while second.calls_of(Operation::GetRoom) < 5 {
            assert_eq!(service.open(&service.link(&kept, "patient-42").await).await.0, 200);
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("the room is read");
    assert_eq!((second.calls_of(Operation::DeleteRoom), second.calls_of(Operation::CreateRoom)), (0, 0));

    service.emulator.faults().clear();
    service.restart_with(&[("BANDYER_BASE_URL", &first)]).await;
    let settled = async {
        while service.emulator.live_rooms().len() > 1 {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("both rooms are deleted");
    assert_eq!(service.metric(WAITING).await, Some(0.0));
    assert_eq!(service.open(&service.link(&kept, "patient-42").await).await.0, 200);
}

#[tokio::test]
async fn what_belongs_to_another_vendor_waits_in_the_embedded_store() {
    waits_for_its_vendor(Platform::ALONE).await;
}

#[tokio::test]
async fn what_belongs_to_another_vendor_waits_in_postgres() {
    waits_for_its_vendor(Platform::POSTGRES).await;
}

#[tokio::test]
async fn what_belongs_to_another_vendor_waits_with_the_crud_service() {
    waits_for_its_vendor(Platform::CRUD).await;
}
