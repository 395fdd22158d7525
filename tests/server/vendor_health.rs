//! Slow reads for viewers are a kind of call of their own: they do not suspend what teleconsultations depend on.

use bandyer_client::emulator::{Fault, Operation};
use futures_util::future::join_all;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_both_versions};

const VIEWERS: usize = 40;
const CREATIONS: usize = 20;

on_both_versions! {
    async fn slow_room_reads_of_40_viewers_disturb_no_creation(service: Service) {
        let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
        let mut ids = Vec::new();
        for _ in 0..VIEWERS {
            ids.push(service.create_running().await);
        }
        service.emulator.faults().add(Fault::on(Operation::GetRoom).always().stall());
        for view in join_all(ids.iter().map(|id| service.view(id, "patient-42"))).await {
            assert_eq!((view.status, view.json()["details"].is_null()), (200, true));
        }
        service.until_metric("teleconsult_vendor_reads_breaker_openings_total", |openings| openings >= 1.0).await;
        for created in join_all((0..CREATIONS).map(|_| service.post("/teleconsultation", &body))).await {
            assert_eq!(created.status, 201, "{created:?}");
        }
        assert_eq!(service.metric("teleconsult_vendor_breaker_openings_total").await, Some(0.0));
        for id in &ids {
            assert_eq!(service.delete(id).await.status, 204);
        }
        service.until_called(Operation::DeleteRoom, VIEWERS).await;
    }

    async fn working_room_reads_do_not_resume_failing_creations(service: Service) {
        let id = service.create_running().await;
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        service.emulator.faults().add(Fault::on(Operation::CreateRoom).always().status(503));
        service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(503));
        while service.metric("teleconsult_vendor_breaker_open").await != Some(1.0) {
            service.post("/teleconsultation", &body).await;
        }
        let view = service.view(&id, "patient-42").await;
        assert!(!view.json()["details"].is_null(), "{view:?}");
        assert_eq!(service.metric("teleconsult_vendor_breaker_open").await, Some(1.0));
        assert_eq!(service.metric("teleconsult_vendor_reads_breaker_open").await, Some(0.0));
    }
}
