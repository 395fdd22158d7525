//! `GET /teleconsultation/:roomId`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use serde_json::json;

use crate::support::{Service, in_minutes, on_every_platform, person};

on_every_platform! {
    async fn a_participant_sees_own_link_all_names_and_room_details(service: Service) {
        let id = service.create_running().await;
        let view = service.view(&id, "patient-42").await;
        assert_eq!(view.header("cache-control"), Some("no-store"));
        let view = view.json();
        let keys: Vec<&str> = view.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["bandyerUserId", "accessLinkURL", "participantsBandyerCall", "details"]);
        let doctor = service.vendor_user(&id, "dr.rossi").await;
        assert_eq!(
            view["participantsBandyerCall"],
            json!([{"bandyerUserId": doctor, "fullName": "Name of dr.rossi"},
                   {"bandyerUserId": view["bandyerUserId"], "fullName": "Name of patient-42"}])
        );
        let details = &view["details"];
        assert_eq!((&details["callType"], &details["status"]), (&json!("audio_video"), &json!("NOT_RUNNING")));
        assert_eq!((&details["disabled"], &details["live"]), (&json!(false), &json!(true)));
        assert_eq!((&details["durationInSeconds"], &details["recording"]), (&json!(0), &json!("none")));
        assert!(details["creationDate"].as_str().unwrap().ends_with('Z'));
    }

    async fn strangers_and_missing_user_ids_are_unauthorized(service: Service) {
        let id = service.create_running().await;
        for user in [Some("stranger"), Some(""), Some("DR.ROSSI"), None] {
            let response = service.call(reqwest::Method::GET, &format!("/teleconsultation/{id}"), user, None).await;
            assert_eq!((response.status, response.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#), "{user:?}");
        }
    }

    async fn the_link_is_hidden_until_the_window_opens(service: Service) {
        let id = service.create_later().await;
        let view = service.view(&id, "dr.rossi").await.json();
        assert_eq!(view["accessLinkURL"], json!(null));
        assert_eq!(view["details"]["status"], json!("NOT_RUNNING"));
        assert_eq!(service.emulator.live_rooms().len(), 1);
    }

    async fn an_unknown_id_is_named_in_the_response(service: Service) {
        let response = service.view("0123456789abcdef01234567", "dr.rossi").await;
        assert_eq!(response.status, 404);
        assert_eq!(response.text, r#"{"error":"Room with id 0123456789abcdef01234567 not found on CRUD"}"#);
    }

    async fn the_link_takes_a_language_and_a_background(service: Service) {
        let id = service.create_running().await;
        let plain = service.link(&id, "dr.rossi").await;
        let path = format!("/teleconsultation/{id}?useBackground=true&language=it");
        let view = service.get(&path, "dr.rossi").await.json();
        assert_eq!(view["accessLinkURL"], json!(format!("{plain}?vb=image&l=it")));
        for (query, field) in [("useBackground=yes", "useBackground"), ("language=italiano", "language")] {
            let response = service.get(&format!("/teleconsultation/{id}?{query}"), "dr.rossi").await;
            assert_eq!(response.status, 400);
            assert!(response.sentence().starts_with(&format!("querystring.{field} must")), "{response:?}");
        }
    }

    async fn details_never_fail_a_view_and_are_read_once_for_many(service: Service) {
        let id = service.create_running().await;
        service.emulator.faults().add(Fault::on(Operation::GetRoom).always().action(Action::Stall));
        let views = futures_util::future::join_all((0..8).map(|_| service.view(&id, "dr.rossi"))).await;
        for view in views {
            assert_eq!((view.status, &view.json()["details"]), (200, &json!(null)));
        }
        assert_eq!(service.emulator.calls_of(Operation::GetRoom), 1);
    }

    async fn head_responds_like_get_without_a_body(service: Service) {
        let id = service.create_running().await;
        let path = format!("/teleconsultation/{id}");
        let response = service.call(reqwest::Method::HEAD, &path, Some("dr.rossi"), None).await;
        assert_eq!((response.status, response.text.as_str()), (200, ""));
        assert!(response.header("content-length").unwrap().parse::<u32>().unwrap() > 100);
    }
}

mod early {
    use super::*;
    use crate::support::service::Variables;

    fn early(_: ApiVersion) -> Variables {
        &[("IMMUTABLE_PERIOD_MS", "7200000")]
    }

    on_every_platform! {
        with early;

        async fn the_immutable_period_opens_the_window_early(service: Service) {
            let id = service.create_later().await;
            service.link(&id, "patient-42").await;
            let response = service.patch(&id, &json!({"end_date": in_minutes(200)})).await;
            let expected = format!("Failed PATCH /teleconsultation/{id}: the teleconsultation can no longer be changed");
            assert_eq!((response.status, response.json()), (409, json!({"error": expected})));
        }
    }
}

#[tokio::test]
async fn the_user_id_is_read_where_the_configuration_says() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = r#"{"privileges": {"basic": {"groups": ["patient"]}, "plus": {"groups": ["doctor"]}},
        "groupsWithBackgroundList": ["doctor"],
        "userIdPathInRequest": [{"from": "object", "extract": "query"}, {"from": "object", "extract": "who"}]}"#;
    std::fs::write(file.path(), text).unwrap();
    let path = ("TELECONSULTATION_SERVICE_CONFIG_PATH", file.path().to_str().unwrap());
    let service = Service::start(ApiVersion::V2, &[path]).await;
    let id = service.create(&in_minutes(0), 2, &[person("d", "doctor"), person("p", "patient")]).await;
    let doctor = service.get(&format!("/teleconsultation/{id}?who=d"), "p").await.json();
    assert!(doctor["accessLinkURL"].as_str().unwrap().ends_with("?vb=image"), "doctors get a background by default");
    let patient = service.get(&format!("/teleconsultation/{id}?who=p"), "d").await.json();
    assert!(!patient["accessLinkURL"].as_str().unwrap().contains("vb="));
    assert_eq!(service.view(&id, "d").await.status, 401);
}
