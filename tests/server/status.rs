//! The platform's status routes.

use bandyer_client::ApiVersion;
use serde_json::json;

use crate::support::Service;

#[tokio::test]
async fn status_routes_have_the_platforms_shape() {
    let service = Service::start(ApiVersion::V2, &[("SERVICE_PREFIX", "/api/v1/telecons-be")]).await;
    for path in ["/-/healthz", "/-/ready", "/-/check-up"] {
        let response = service.get(path, "").await;
        let expected =
            format!(r#"{{"name":"teleconsult-server","status":"OK","version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
        assert_eq!((response.status, response.text), (200, expected), "{path}");
        assert_eq!(service.get(&format!("{path}/"), "").await.status, 404);
    }
    assert_eq!(service.get("/credentials", "").await.status, 404);
    assert_eq!(service.post("/api/v1/telecons-be/credentials", &json!({})).await.status, 401);
}

#[tokio::test]
async fn readiness_ends_before_service_does() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create_running().await;
    service.running().close_soon();
    let response = service.get("/-/ready", "").await;
    assert_eq!((response.status, &response.json()["status"]), (503, &json!("KO")));
    assert_eq!(service.get("/-/healthz", "").await.status, 200);
    assert_eq!(service.view(&id, "dr.rossi").await.status, 200);
}
