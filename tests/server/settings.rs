//! `POST /settings/background-image` and `PATCH /settings/update`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::service::{PATIENCE, jpeg};
use crate::support::{Response, Service, on_both_versions};

async fn update(service: &Service, user: Option<&str>, body: &Value) -> Response {
    service.call(Method::PATCH, "/settings/update", user, Some(body)).await
}

const PART: &str = "virtual_background";

on_both_versions! {
    async fn a_background_is_added_and_chosen(service: Service) {
        let added = service.send_picture(Some("dr.rossi"), PART, jpeg(1280)).await;
        assert_eq!(added.status, 200, "{added:?}");
        let picture = &added.json()["virtual_background"];
        let alias = picture["background_alias"].as_str().unwrap();
        assert!(picture["url"].as_str().unwrap().starts_with("http") && picture["creation_date"].as_str().unwrap().ends_with('Z'));
        let changed = update(&service, Some("dr.rossi"), &json!({"background_alias": alias})).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let company = &changed.json()["company"];
        assert_eq!((&company["default_background"]["alias"], &company["name"]), (&json!(alias), &json!("Emulated company")));
        let keys: Vec<_> = company.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["name", "default_language", "default_background", "end_call_redirect_url",
            "user_details_provider_url", "end_call_redirect_timeout_ms"]);
    }

    async fn a_vendor_refusal_is_reported_by_its_code(service: Service) {
        let small = service.send_picture(Some("d"), PART, jpeg(1279)).await;
        assert_eq!((small.status, small.sentence().as_str()), (400, "the video provider refused it: wrong_file_dimension"));
        let unknown = update(&service, Some("d"), &json!({"background_alias": "none"})).await;
        assert_eq!((unknown.status, unknown.sentence().as_str()), (400, "the video provider refused it: invalid_background_alias"));
        service.emulator.faults().add(Fault::on(Operation::UpdateCompany).always().status(500));
        assert_eq!(update(&service, Some("d"), &json!({"background_alias": "none"})).await.status, 502);
    }
}

// Refused before the vendor, the store or the auth service is asked: one platform stands for all.

#[tokio::test]
async fn a_user_id_is_required() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    for response in [
        service.send_picture(None, PART, jpeg(1280)).await,
        update(&service, None, &json!({"background_alias": "x"})).await,
    ] {
        assert_eq!((response.status, response.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#));
    }
    assert!(service.emulator.calls().is_empty());
}

#[tokio::test]
async fn invalid_or_large_pictures_never_reach_the_vendor() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let png = service.send_picture(Some("d"), PART, b"\x89PNG\r\n\x1a\n".to_vec()).await;
    assert_eq!((png.status, png.sentence().as_str()), (400, "body.virtual_background must be a JPEG picture"));
    let mut large = jpeg(1280);
    large.resize(10 * 1024 * 1024 + 1, 0);
    let response = service.send_picture(Some("d"), PART, large).await;
    assert_eq!(
        (response.status, response.sentence().as_str()),
        (413, "Request body is too large: the picture has at most 10 MB")
    );
    let missing = service.send_picture(Some("d"), "picture", jpeg(1280)).await;
    assert_eq!(
        (missing.status, missing.sentence().as_str()),
        (400, "body must have required property 'virtual_background'")
    );
    let json = service.call(Method::POST, "/settings/background-image", Some("d"), Some(&json!({}))).await;
    assert_eq!(json.status, 415);
    assert_eq!(service.emulator.calls_of(Operation::AddBackground), 0);
}

#[tokio::test]
async fn an_update_requires_an_alias() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    for (body, sentence) in [
        (json!({}), "body must have required property 'background_alias'"),
        (json!({"background_alias": []}), "body.background_alias must be string"),
        (json!({"background_alias": ""}), "body.background_alias must NOT have fewer than 1 characters"),
    ] {
        let response = update(&service, Some("d"), &body).await;
        assert_eq!((response.status, response.sentence().as_str()), (400, sentence));
    }
}

#[tokio::test]
async fn an_unauthorized_upload_is_discarded_and_gets_a_response() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    for size in [1000, 10 * 1024 * 1024] {
        let response = service.send_picture(None, PART, vec![0; size]).await;
        assert_eq!((response.status, response.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#));
    }
}

#[tokio::test]
async fn slow_uploads_are_limited_to_eight_and_free_their_places() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(service.address()).await.unwrap();
        let head = "POST /settings/background-image HTTP/1.1\r\nhost: x\r\nmiauserid: d\r\ncontent-length: 100\r\n";
        stream
            .write_all(format!("{head}content-type: multipart/form-data; boundary=b\r\n\r\n--b").as_bytes())
            .await
            .unwrap();
        slow.push(stream);
    }
    let until = async |status: u16| {
        let responded = async {
            loop {
                let response = service.send_picture(Some("d"), PART, jpeg(1280)).await;
                if response.status == status {
                    return response;
                }
            }
        };
        tokio::time::timeout(PATIENCE, responded).await.unwrap_or_else(|_| panic!("no response had status {status}"))
    };
    assert_eq!(until(503).await.header("retry-after"), Some("5"));
    drop(slow);
    until(200).await;
}
