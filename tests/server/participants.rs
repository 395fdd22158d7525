//! `POST /teleconsultation/:roomId/participants/data`.

use bandyer_client::emulator::Operation;
use serde_json::json;

use crate::support::service::{doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

on_every_platform! {
    async fn the_last_one_completes_the_list_and_makes_the_room(service: Service) {
        let id = service.create(&in_minutes(-10), 3, &[patient()]).await;
        let path = format!("/teleconsultation/{id}/participants/data");
        let answer = service.post(&path, &person("relative", "patient")).await;
        assert_eq!((answer.status, answer.text.as_str()), (201, ""));
        assert!(service.emulator.rooms().is_empty());
        assert_eq!(service.post(&path, &doctor()).await.status, 201);
        assert_eq!(service.emulator.live_rooms().len(), 1);
        for user in ["patient-42", "relative", "dr.rossi"] {
            service.link(&id, user).await;
        }
    }

    async fn without_a_plus_user_the_last_one_is_refused(service: Service) {
        let id = service.create(&in_minutes(60), 2, &[patient()]).await;
        let answer = service.post(&format!("/teleconsultation/{id}/participants/data"), &person("q", "patient")).await;
        let expected = format!("Failed POST /teleconsultation/{id}/participants/data: no plus user in room");
        assert_eq!((answer.status, answer.json()), (400, json!({"error": expected})));
        assert_eq!(service.view(&id, "q").await.status, 401, "nothing was added");
    }

    async fn a_complete_list_takes_nobody_and_nobody_comes_twice(service: Service) {
        let complete = service.create_later().await;
        let answer = service.post(&format!("/teleconsultation/{complete}/participants/data"), &person("q", "patient")).await;
        assert_eq!(answer.status, 409);
        let partial = service.create(&in_minutes(60), 3, &[patient()]).await;
        let answer = service.post(&format!("/teleconsultation/{partial}/participants/data"), &patient()).await;
        assert_eq!((answer.status, answer.sentence().as_str()), (400, "user patient-42 must NOT take part twice"));
    }

    async fn two_racing_for_the_last_place_make_one_room(service: Service) {
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
        let answer = service.post("/teleconsultation/nowhere/participants/data", &doctor()).await;
        assert_eq!(answer.status, 404);
    }
}
