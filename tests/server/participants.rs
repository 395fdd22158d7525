//! `POST /teleconsultation/:roomId/participants/data`.

use bandyer_client::emulator::Operation;
use serde_json::json;

use crate::support::service::{doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

on_every_platform! {
    async fn the_last_participant_completes_the_list_and_gets_a_room(service: Service) {
        let id = service.create(&in_minutes(-10), 3, &[patient()]).await;
        let path = format!("/teleconsultation/{id}/participants/data");
        let response = service.post(&path, &person("relative", "patient")).await;
        assert_eq!((response.status, response.text.as_str()), (201, ""));
        assert!(service.emulator.rooms().is_empty());
        assert_eq!(service.post(&path, &doctor()).await.status, 201);
        assert_eq!(service.emulator.live_rooms().len(), 1);
        for user in ["patient-42", "relative", "dr.rossi"] {
            service.link(&id, user).await;
        }
    }

    async fn the_last_participant_is_refused_without_a_plus_user(service: Service) {
        let id = service.create(&in_minutes(60), 2, &[patient()]).await;
        let response = service.post(&format!("/teleconsultation/{id}/participants/data"), &person("q", "patient")).await;
        let expected = format!("Failed POST /teleconsultation/{id}/participants/data: no plus user in room");
        assert_eq!((response.status, response.json()), (400, json!({"error": expected})));
        assert_eq!(service.view(&id, "q").await.status, 401, "nothing was added");
    }

    async fn a_complete_list_and_a_duplicate_participant_are_refused(service: Service) {
        let complete = service.create_later().await;
        let response = service.post(&format!("/teleconsultation/{complete}/participants/data"), &person("q", "patient")).await;
        assert_eq!(response.status, 409);
        let partial = service.create(&in_minutes(60), 3, &[patient()]).await;
        let response = service.post(&format!("/teleconsultation/{partial}/participants/data"), &patient()).await;
        assert_eq!((response.status, response.sentence().as_str()), (400, "user patient-42 must NOT take part twice"));
    }

    async fn two_requests_for_the_last_place_create_one_room(service: Service) {
        let id = service.create(&in_minutes(60), 2, &[doctor()]).await;
        let path = format!("/teleconsultation/{id}/participants/data");
        let (a, b) = (person("a", "patient"), person("b", "patient"));
        let (first, second) = tokio::join!(service.post(&path, &a), service.post(&path, &b));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 1);
    }

    async fn an_unknown_id_is_not_found(service: Service) {
        let response = service.post("/teleconsultation/nowhere/participants/data", &doctor()).await;
        assert_eq!(response.status, 404);
    }
}
