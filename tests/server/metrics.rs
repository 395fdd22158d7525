//! The metrics that operators and their dashboards rely on.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use reqwest::Method;

use crate::support::service::{PATIENCE, consultation, doctor, patient, pause};
use crate::support::{Service, in_minutes};

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status_per_server() {
    let service = Service::start(ApiVersion::V2, &[("SERVICE_PREFIX", "/api/v1/telecons-be")]).await;
    let other = Service::start(ApiVersion::V2, &[]).await;
    service.post("/api/v1/telecons-be/credentials", &serde_json::json!({})).await;
    service.get("/api/v1/telecons-be/teleconsultation/canary", "u").await;
    service.get("/canary", "").await;
    service.call(Method::from_bytes(b"CANARY").unwrap(), "/canary", None, None).await;
    let response = service.get("/-/metrics", "").await;
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4"));
    assert!(!response.text.contains("anary"), "{}", response.text);
    for labels in [
        r#"method="POST",route="/credentials",status_code="401""#,
        r#"method="GET",route="/teleconsultation/:roomId",status_code="404""#,
        r#"method="GET",route="__unknown__",status_code="404""#,
        r#"method="OTHER",route="__unknown__",status_code="404""#,
    ] {
        let line = format!("http_request_duration_seconds_count{{{labels}}}");
        assert_eq!(service.metric(&line).await, Some(1.0), "{line}");
        assert_eq!(other.metric(&line).await, None, "{line}");
    }
    assert!(service.metric("process_start_time_seconds").await.is_some());
}

#[tokio::test]
async fn unresolved_rooms_show_in_the_metrics() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    service.emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
    service.emulator.faults().add(Fault::on(Operation::ListRooms).always().status(500));
    let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
    assert_eq!(service.post("/teleconsultation", &body).await.status, 502);
    assert_eq!(service.metric("teleconsult_room_unknown_outcomes_total").await, Some(1.0));
    assert_eq!(service.metric("teleconsult_room_open_attempts").await, Some(1.0));
    service.emulator.faults().clear();

    let id = service.create_later().await;
    service.emulator.faults().add(Fault::on(Operation::DeleteRoom).always().status(500));
    assert_eq!(service.delete(&id).await.status, 204);
    assert_eq!(service.metric("teleconsult_room_pending_retirements").await, Some(1.0));
    service.emulator.faults().clear();
    let gone = async {
        while service.metric("teleconsult_room_pending_retirements").await != Some(0.0) {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the room is deleted in the end");
    assert_eq!(service.metric("teleconsult_room_possible_leaks").await, Some(0.0));
}

#[tokio::test]
async fn metrics_can_be_turned_off() {
    let service = Service::start(ApiVersion::V2, &[("EXPOSE_METRICS", "false")]).await;
    let response = service.get("/-/metrics", "").await;
    let expected = r#"{"message":"Route GET:/-/metrics not found","error":"Not Found","statusCode":404}"#;
    assert_eq!((response.status, response.text.as_str()), (404, expected));
}
