//! `DELETE /teleconsultation/:roomId`.

use bandyer_client::emulator::{Fault, Operation};

use crate::support::{Service, on_every_platform};

on_every_platform! {
    async fn the_record_is_deleted_immediately_and_the_room_soon_after(service: Service) {
        let id = service.create_running().await;
        let link = service.link(&id, "patient-42").await;
        let response = service.delete(&id).await;
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        assert_eq!(service.view(&id, "patient-42").await.status, 404);
        service.until_called(Operation::DeleteRoom, 1).await;
        assert!(service.emulator.live_rooms().is_empty());
        assert_eq!(service.open(&link).await.0, 404);
    }

    async fn a_vendor_that_refuses_the_service_costs_no_attempts(service: Service) {
        let mut service = service;
        for status in [401, 403, 429] {
            let id = service.create_running().await;
            let before = service.emulator.calls_of(Operation::DeleteRoom);
            service.emulator.faults().add(Fault::on(Operation::DeleteRoom).always().status(status).retry_after("3600"));
            assert_eq!(service.delete(&id).await.status, 204);
            service.until_called(Operation::DeleteRoom, before + 1).await;
            // Stopping waits for the job.
            service.restart().await;
            let mut connection = service.database.connect().await;
            let query = "SELECT failures FROM retirements WHERE due_at IS NOT NULL";
            let failures: Vec<i64> = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
            assert_eq!(failures, [0], "{status}");
            service.emulator.faults().clear();
            service.restart_later().await;
            service.until_metric("teleconsult_room_pending_retirements", |pending| pending == 0.0).await;
            assert!(service.emulator.live_rooms().is_empty());
        }
    }

    async fn deleting_twice_is_not_found(service: Service) {
        let id = service.create_running().await;
        assert_eq!(service.delete(&id).await.status, 204);
        assert_eq!(service.delete(&id).await.status, 404);
    }

    async fn a_room_missing_at_the_vendor_does_not_fail_the_deletion(service: Service) {
        let id = service.create_running().await;
        let room = service.emulator.live_rooms().remove(0).id;
        service.emulator.client().unwrap().rooms().delete(&room).send().await.unwrap();
        assert_eq!(service.delete(&id).await.status, 204);
        service.until_called(Operation::DeleteRoom, 2).await;
        assert!(service.emulator.live_rooms().is_empty());
    }

    async fn a_failed_room_deletion_is_retried_after_a_restart(service: Service) {
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
