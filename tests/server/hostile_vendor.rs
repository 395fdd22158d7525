//! Responses of the vendor and the platform are not trusted: nested too deeply, too long, too slow, or with unsafe
//! links.

use std::sync::atomic::{AtomicUsize, Ordering};

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Action, Fault, Operation};
use http::Method;
use serde_json::{Value, json};

use crate::support::crud_service::{PEOPLE, RECORDS};
use crate::support::service::{Platform, consultation, doctor, patient, pause};
use crate::support::stand_in::{Call, StandIn, Wrong};
use crate::support::{Response, Service, in_minutes};

/// A vendor of generation v2 that gives every participant this link.
async fn vendor(link: &'static str) -> StandIn {
    let rooms = AtomicUsize::new(0);
    StandIn::start(move |call: &Call| {
        let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), path.as_slice()) {
            ("POST", ["v2", "users"]) => (201, call.body.clone()),
            ("POST", ["v2", "rooms"]) => {
                let people = call.body["participants"].as_array().unwrap();
                let people: Vec<Value> =
                    people.iter().map(|one| json!({"user_id": one["user_id"], "link": link})).collect();
                let id = format!("room_{}", rooms.fetch_add(1, Ordering::Relaxed) + 1);
                (201, json!({"id": id, "participants": people}))
            }
            ("GET", ["v2", "rooms"]) => (200, json!({"rooms": [], "total": 0})),
            ("GET", ["v2", "rooms", id]) => (200, json!({"id": id})),
            ("DELETE", _) | ("POST", [.., "credentials"]) => (200, json!({})),
            _ => (404, json!({})),
        }
    })
    .await
}

async fn with_vendor(vendor: &StandIn) -> Service {
    Service::start(ApiVersion::V2, &[("BANDYER_BASE_URL", &vendor.url)]).await
}

async fn create(service: &Service) -> Response {
    service.post("/teleconsultation", &consultation(&in_minutes(0), 2, &[doctor(), patient()])).await
}

/// A JSON text with this many levels of nesting.
fn nested(levels: usize) -> &'static str {
    let text = format!(r#"{{"id": "room_1", "participants": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    text.leak()
}

#[tokio::test]
async fn a_room_with_an_unsafe_link_is_rejected() {
    for link in ["http://rooms.example/x", "javascript:alert(1)", "data:text/html,x", "//rooms.example/x", "x", ""] {
        let vendor = vendor(link).await;
        let service = with_vendor(&vendor).await;
        let response = create(&service).await;
        assert_eq!((response.status, &response.json()["code"]), (502, &json!("upstream_error")), "{link}");
        assert!(link.is_empty() || !response.text.contains(link), "{}", response.text);
        // The rejected room belongs to no teleconsultation, so it is deleted.
        let deleted = async {
            while !vendor.calls().iter().any(|call| call.method == Method::DELETE && call.raw == "/v2/rooms/room_1") {
                pause().await;
            }
        };
        tokio::time::timeout(crate::support::service::PATIENCE, deleted).await.expect("the room is deleted");
    }
    let vendor = vendor("https://rooms.example/x").await;
    let service = with_vendor(&vendor).await;
    let response = create(&service).await;
    assert_eq!(response.status, 201, "{response:?}");
}

#[tokio::test]
async fn links_of_platform_records_are_shown_only_if_they_are_https() {
    for (link, shown) in
        [("https://old.example/x", true), ("http://old.example/x", false), ("javascript:alert(1)", false)]
    {
        let service = Service::on(Platform::CRUD, ApiVersion::V2, &[]).await;
        let crud = service.crud.as_ref().unwrap();
        crud.put(PEOPLE, json!({"receivedUserId": "p", "bandyerId": "usr_p"}));
        let people = json!([{"userBandyerId": "usr_p", "accessLinkURL": link}, {"userBandyerId": "usr_d"}]);
        let id = crud.put(
            RECORDS,
            json!({"bandyerRoomId": "room_old", "participantsNumber": 2, "participants": people, "startDate": in_minutes(0)}),
        );
        // The lookup has to fail: if the room were reported as missing, its link would be hidden.
        service.emulator.faults().add(Fault::on(Operation::GetRoom).always().status(500));
        let view = service.view(&id, "p").await;
        assert_eq!(view.status, 200, "{view:?}");
        assert_eq!(view.json()["accessLinkURL"], if shown { json!(link) } else { Value::Null });
    }
}

#[tokio::test]
async fn deeply_nested_json_of_the_vendor_is_an_upstream_error() {
    let vendor = vendor("https://rooms.example/x").await;
    let service = with_vendor(&vendor).await;
    for deep in [nested(200), nested(100_000), "[".repeat(100_000).leak()] {
        vendor.fail(Method::POST, "/v2/rooms", Wrong::Message(deep));
        vendor.fail(Method::GET, "/v2/rooms?", Wrong::Message(deep));
        let response = create(&service).await;
        assert_eq!((response.status, &response.json()["code"]), (502, &json!("upstream_error")), "{response:?}");
        assert!(vendor.has_failed_as_configured());
        // The next request is served normally.
        let response = create(&service).await;
        assert_eq!(response.status, 201, "{response:?}");
        let id = response.json()["roomId"].as_str().unwrap().to_owned();
        vendor.fail(Method::GET, "/v2/rooms/room_", Wrong::Message(deep));
        let view = service.view(&id, "dr.rossi").await;
        assert_eq!((view.status, &view.json()["details"]), (200, &Value::Null));
        assert!(vendor.has_failed_as_configured());
        vendor.fail(Method::POST, "/credentials", Wrong::Message(deep));
        let response = service.call(Method::POST, "/credentials", Some("dr.rossi"), None).await;
        assert_eq!((response.status, &response.json()["code"]), (502, &json!("upstream_error")), "{response:?}");
    }
}

#[tokio::test]
async fn deeply_nested_json_of_the_platform_is_unavailability() {
    let service = Service::on(Platform::BOTH, ApiVersion::V2, &[]).await;
    let (auth, crud) = (service.auth.as_ref().unwrap(), service.crud.as_ref().unwrap());
    let deep = nested(100_000);
    auth.http.fail(Method::GET, "/users", Wrong::Message(deep));
    let response = create(&service).await;
    assert_eq!((response.status, &response.json()["code"]), (503, &json!("platform_unavailable")), "{response:?}");
    crud.http.fail(Method::GET, PEOPLE, Wrong::Message(deep));
    let response = create(&service).await;
    assert_eq!((response.status, &response.json()["code"]), (503, &json!("platform_unavailable")), "{response:?}");
    assert_eq!(create(&service).await.status, 201);
}

#[tokio::test]
async fn deeply_nested_json_of_a_caller_is_refused() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let http = crate::support::http_client();
    let request = http.post(format!("http://{}/teleconsultation", service.address()));
    let response = request.header("content-type", "application/json").body(nested(100_000)).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_trickling_vendor_response_does_not_hold_up_a_view() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    let slow = Action::SlowBody(std::time::Duration::from_secs(1));
    service.emulator.faults().add(Fault::on(Operation::GetRoom).always().action(slow));
    let view = service.view(&id, "dr.rossi").await;
    assert_eq!((view.status, &view.json()["details"]), (200, &Value::Null));
    assert!(view.json()["accessLinkURL"].is_string());
}
