//! `DELETE /teleconsultation/:roomId`.

use bandyer_client::emulator::{Fault, Operation};

use crate::support::{Service, on_every_platform};

on_every_platform! {
    async fn the_record_is_gone_at_once_and_the_room_soon_after(service: Service) {
        let id = service.create_running().await;
        let link = service.link(&id, "patient-42").await;
        let answer = service.delete(&id).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(service.view(&id, "patient-42").await.status, 404);
        service.until_called(Operation::DeleteRoom, 1).await;
        assert!(service.emulator.live_rooms().is_empty());
        assert_eq!(service.open(&link).await.0, 404);
    }

    async fn a_second_time_it_is_not_found(service: Service) {
        let id = service.create_running().await;
        assert_eq!(service.delete(&id).await.status, 204);
        assert_eq!(service.delete(&id).await.status, 404);
    }

    async fn a_room_that_the_vendor_has_lost_is_no_reason_to_fail(service: Service) {
        let id = service.create_running().await;
        let room = service.emulator.live_rooms().remove(0).id;
        let room = bandyer_client::RoomId::new(room).unwrap();
        service.emulator.client().unwrap().rooms().delete(&room).send().await.unwrap();
        assert_eq!(service.delete(&id).await.status, 204);
        service.until_called(Operation::DeleteRoom, 2).await;
        assert!(service.emulator.live_rooms().is_empty());
    }

    async fn a_vendor_that_fails_is_asked_again_after_a_restart(service: Service) {
        let mut service = service;
        let id = service.create_running().await;
        service.emulator.faults().add(Fault::on(Operation::DeleteRoom).always().status(500));
        assert_eq!(service.delete(&id).await.status, 204);
        service.until_called(Operation::DeleteRoom, 3).await;
        assert_eq!(service.emulator.live_rooms().len(), 1);
        service.emulator.faults().clear();
        service.restart().await;
        service.until_called(Operation::DeleteRoom, 4).await;
        assert!(service.emulator.live_rooms().is_empty());
    }
}
