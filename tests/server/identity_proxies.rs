//! Who may say who calls: with `TELECONSULT_IDENTITY_PROXIES` set, the gateway's connections alone.

use bandyer_client::ApiVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::crud_service::{PEOPLE, RECORDS};
use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Service, Setup, in_minutes};

/// Tests call from loopback, so one of these lists believes them and the other does not.
const LOOPBACK: (&str, &str) = ("TELECONSULT_IDENTITY_PROXIES", "127.0.0.0/8");
const ELSEWHERE: (&str, &str) = ("TELECONSULT_IDENTITY_PROXIES", "192.0.2.0/24, 10.0.0.7");

#[tokio::test]
async fn headers_of_a_named_proxy_say_who_calls() {
    let service = Service::start(ApiVersion::V2, &[LOOPBACK]).await;
    let id = service.create_running().await;
    assert_eq!(service.view(&id, "patient-42").await.status, 200);
    assert_eq!(service.call(Method::POST, "/credentials", Some("patient-42"), None).await.status, 201);
}

#[tokio::test]
async fn from_elsewhere_nobody_is_recognised_wherever_an_id_is_needed() {
    let service = Service::start(ApiVersion::V2, &[ELSEWHERE, ("TRUSTED_PROXIES", "loopback")]).await;
    let id = service.create_running().await;
    let alias = json!({"background_alias": "0123456789abcdef0123456789abcdef"});
    for (method, path, body) in [
        (Method::GET, format!("/teleconsultation/{id}"), None),
        (Method::GET, format!("/transcription/{id}/session_0123456789ab"), None),
        (Method::POST, "/credentials".to_owned(), None),
        (Method::PATCH, "/settings/update".to_owned(), Some(&alias)),
    ] {
        let answer = service.call(method.clone(), &path, Some("dr.rossi"), body).await;
        assert_eq!((answer.status, answer.text.as_str()), (401, r#"{"error":"Unauthorized user"}"#), "{method} {path}");
    }
    assert_eq!(service.send_picture(Some("dr.rossi"), "virtual_background", vec![0; 100]).await.status, 401);

    // The connection counts, whatever a trusted proxy tells of the client.
    let http = crate::support::http_client();
    let request = http.get(format!("http://{}/teleconsultation/{id}", service.address()));
    let request = request.header("miauserid", "dr.rossi").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(request.send().await.unwrap().status(), 401);

    // What needs no caller is served as before.
    assert_eq!(service.get("/-/healthz", "").await.status, 200);
    assert_eq!(service.delete(&id).await.status, 204);
}

#[tokio::test]
async fn from_elsewhere_no_step_of_the_configured_path_leads_to_anybody() {
    let folder = tempfile::tempdir().unwrap();
    for (part, name) in [("headers", "x-person"), ("query", "person"), ("params", "roomId")] {
        let file = folder.path().join(part);
        let path = json!([{"from": "object", "extract": part}, {"from": "object", "extract": name}]);
        let groups = json!({"basic": {"groups": ["patient"]}, "plus": {"groups": ["doctor"]}});
        std::fs::write(&file, json!({"privileges": groups, "userIdPathInRequest": path}).to_string()).unwrap();
        let file = ("TELECONSULTATION_SERVICE_CONFIG_PATH", file.to_str().unwrap());
        for (proxies, status) in [(LOOPBACK, 200), (ELSEWHERE, 401)] {
            let service = Service::on(Platform::CRUD, ApiVersion::V2, &[proxies, file]).await;
            // A teleconsultation that has its participant's id, so that all three paths lead to somebody.
            let crud = service.crud.as_ref().unwrap();
            crud.put(PEOPLE, json!({"receivedUserId": "dr.rossi", "bandyerId": "usr_d"}));
            let participants = json!([{"userBandyerId": "usr_d"}]);
            crud.put(
                RECORDS,
                json!({"_id": "dr.rossi", "participantsNumber": 2, "participants": participants, "startDate": in_minutes(60)}),
            );
            let http = crate::support::http_client();
            let url = format!("http://{}/teleconsultation/dr.rossi?person=dr.rossi", service.address());
            let answer = http.get(url).header("x-person", "dr.rossi").send().await.unwrap();
            assert_eq!(answer.status(), status, "{part} {proxies:?}");
        }
    }
}

#[tokio::test]
async fn from_elsewhere_platform_services_are_told_nothing_about_the_caller() {
    let told =
        ["miauserid", "miausergroups", "miauserproperties", "client-type", "isbackoffice", "cookie", "authorization"];
    let more = ("ADDITIONAL_HEADERS_TO_PROXY", "cookie,authorization");
    for (proxies, is_believed) in [(LOOPBACK, true), (ELSEWHERE, false)] {
        let service = Service::on(Platform::BOTH, ApiVersion::V2, &[proxies, more]).await;
        service.create_running().await;
        let (auth, crud) = (service.auth.as_ref().unwrap(), service.crud.as_ref().unwrap());
        auth.http.forget_calls();
        crud.http.forget_calls();
        let body: Value = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let mut request = crate::support::http_client().post(format!("http://{}/teleconsultation", service.address()));
        for name in told {
            request = request.header(name, "x");
        }
        let answer = request.header("x-request-id", "r-1").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{proxies:?}");
        for calls in [auth.http.calls(), crud.http.calls()] {
            let of_the_request: Vec<_> =
                calls.iter().filter(|call| call.headers.contains_key("x-request-id")).collect();
            assert!(!of_the_request.is_empty());
            for call in of_the_request {
                for name in told {
                    assert_eq!(call.headers.contains_key(name), is_believed, "{name} in {} {}", call.method, call.raw);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_start_without_named_proxies_says_that_everybody_is_believed() {
    for (proxies, warned) in [(None, true), (Some(ELSEWHERE), false)] {
        let site = Setup::default().binary().await;
        let (code, lines) = site.start(proxies.as_slice()).terminate();
        assert_eq!(code, Some(0));
        let warnings = lines.iter().filter(|line| line.contains("TELECONSULT_IDENTITY_PROXIES is not set"));
        assert_eq!(warnings.filter(|line| line.contains(r#""level":40"#)).count(), usize::from(warned), "{lines:?}");
    }
}
