//! Requests that a browser sends for pages of other sites.

use bandyer_client::ApiVersion;
use http::Method;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes};

const PORTAL: &str = "https://portal.example";

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_unless_its_origin_is_allowed() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULT_ALLOWED_ORIGINS", PORTAL)]).await;
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap();
    let url = format!("http://{}/teleconsultation", service.address());
    let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
    let post = async |headers: &[(&'static str, &'static str)]| {
        let request =
            headers.iter().fold(http.post(&url).json(&body), |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    };
    for foreign in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://portal.example.evil.example"), ("sec-fetch-site", "cross-site")],
    ] {
        let response = post(foreign).await;
        assert_eq!(response.status(), 403, "{foreign:?}");
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        assert!(response.text().await.unwrap().contains("origin_not_allowed"));
    }
    assert!(service.emulator.calls().is_empty());
    let response = post(&[("origin", PORTAL), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["access-control-allow-origin"], PORTAL);
    assert_eq!(response.headers()["vary"], "origin");
    assert_eq!(post(&[]).await.status(), 201, "programs send no origin");
    // Reading is not refused, but a browser shows the response to allowed pages only.
    let read = http.get(&url).header("origin", "https://evil.example").send().await.unwrap();
    assert!(read.status() != 403 && !read.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_preflight_request_is_answered_for_allowed_origins() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULT_ALLOWED_ORIGINS", PORTAL)]).await;
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap();
    for (origin, allowed) in [(PORTAL, true), ("https://evil.example", false)] {
        let request = http.request(Method::OPTIONS, format!("http://{}/teleconsultation", service.address()));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 204, "{origin}");
        assert_eq!(response.headers().contains_key("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(response.headers().contains_key("access-control-allow-methods"), allowed, "{origin}");
    }
}
