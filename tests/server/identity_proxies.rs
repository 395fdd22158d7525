//! Which peers may identify the caller: with `TELECONSULT_IDENTITY_PROXIES` set, only the gateway.

use bandyer_client::ApiVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::crud_service::{PEOPLE, RECORDS};
use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Service, Setup, in_minutes};

/// Tests call from loopback, so the first list trusts them and the second does not.
const LOOPBACK: (&str, &str) = ("TELECONSULT_IDENTITY_PROXIES", "127.0.0.0/8");
const ELSEWHERE: (&str, &str) = ("TELECONSULT_IDENTITY_PROXIES", "192.0.2.0/24, 10.0.0.7");

#[tokio::test]
async fn headers_of_a_listed_proxy_identify_the_caller() {
    let service = Service::start(ApiVersion::V2, &[LOOPBACK]).await;
    let id = service.create_running().await;
    assert_eq!(service.view(&id, "patient-42").await.status, 200);
    assert_eq!(service.call(Method::POST, "/credentials", Some("patient-42"), None).await.status, 201);
}

#[tokio::test]
async fn other_peers_are_unauthorized_wherever_an_id_is_needed() {
    let service = Service::start(ApiVersion::V2, &[ELSEWHERE, ("TRUSTED_PROXIES", "loopback")]).await;
    let id = service.create_running().await;
    let alias = json!({"background_alias": "0123456789abcdef0123456789abcdef"});
    for (method, path, body) in [
        (Method::GET, format!("/teleconsultation/{id}"), None),
        (Method::GET, format!("/transcription/{id}/session_0123456789ab"), None),
        (Method::POST, "/credentials".to_owned(), None),
        (Method::PATCH, "/settings/update".to_owned(), Some(&alias)),
    ] {
        let response = service.call(method.clone(), &path, Some("dr.rossi"), body).await;
        assert_eq!(
            (response.status, response.text.as_str()),
            (401, r#"{"error":"Unauthorized user"}"#),
            "{method} {path}"
        );
    }
    assert_eq!(service.send_picture(Some("dr.rossi"), "virtual_background", vec![0; 100]).await.status, 401);

    // The peer of the connection counts, whatever address a trusted proxy reports for the client.
    let http = crate::support::http_client();
    let request = http.get(format!("http://{}/teleconsultation/{id}", service.address()));
    let request = request.header("miauserid", "dr.rossi").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(request.send().await.unwrap().status(), 401);

    // Requests that need no caller are served as usual.
    assert_eq!(service.get("/-/healthz", "").await.status, 200);
    assert_eq!(service.delete(&id).await.status, 204);
}

#[tokio::test]
async fn the_configured_id_path_is_ignored_for_other_peers() {
    let folder = tempfile::tempdir().unwrap();
    for (part, name) in [("headers", "x-person"), ("query", "person"), ("params", "roomId")] {
        let file = folder.path().join(part);
        let path = json!([{"from": "object", "extract": part}, {"from": "object", "extract": name}]);
        let groups = json!({"basic": {"groups": ["patient"]}, "plus": {"groups": ["doctor"]}});
        std::fs::write(&file, json!({"privileges": groups, "userIdPathInRequest": path}).to_string()).unwrap();
        let file = ("TELECONSULTATION_SERVICE_CONFIG_PATH", file.to_str().unwrap());
        for (proxies, status) in [(LOOPBACK, 200), (ELSEWHERE, 401)] {
            let service = Service::on(Platform::CRUD, ApiVersion::V2, &[proxies, file]).await;
            // The teleconsultation has the id of its participant, so that each of the three paths identifies a person.
            let crud = service.crud.as_ref().unwrap();
            crud.put(PEOPLE, json!({"receivedUserId": "dr.rossi", "bandyerId": "usr_d"}));
            let participants = json!([{"userBandyerId": "usr_d"}]);
            crud.put(
                RECORDS,
                json!({"_id": "dr.rossi", "participantsNumber": 2, "participants": participants, "startDate": in_minutes(60)}),
            );
            let http = crate::support::http_client();
            let url = format!("http://{}/teleconsultation/dr.rossi?person=dr.rossi", service.address());
            let response = http.get(url).header("x-person", "dr.rossi").send().await.unwrap();
            assert_eq!(response.status(), status, "{part} {proxies:?}");
        }
    }
}

#[tokio::test]
async fn caller_headers_of_other_peers_are_not_forwarded() {
    let caller_headers =
        ["miauserid", "miausergroups", "miauserproperties", "client-type", "isbackoffice", "cookie", "authorization"];
    let more = ("ADDITIONAL_HEADERS_TO_PROXY", "cookie,authorization");
    for (proxies, is_trusted) in [(LOOPBACK, true), (ELSEWHERE, false)] {
        let service = Service::on(Platform::BOTH, ApiVersion::V2, &[proxies, more]).await;
        service.create_running().await;
        let (auth, crud) = (service.auth.as_ref().unwrap(), service.crud.as_ref().unwrap());
        auth.http.forget_calls();
        crud.http.forget_calls();
        let body: Value = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let mut request = crate::support::http_client().post(format!("http://{}/teleconsultation", service.address()));
        for name in caller_headers {
            request = request.header(name, "x");
        }
        let response = request.header("x-request-id", "r-1").json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201, "{proxies:?}");
        for calls in [auth.http.calls(), crud.http.calls()] {
            let of_the_request: Vec<_> =
                calls.iter().filter(|call| call.headers.contains_key("x-request-id")).collect();
            assert!(!of_the_request.is_empty());
            for call in of_the_request {
                for name in caller_headers {
                    assert_eq!(call.headers.contains_key(name), is_trusted, "{name} in {} {}", call.method, call.raw);
                }
            }
        }
    }
}

#[tokio::test]
async fn startup_warns_if_every_peer_is_trusted() {
    for (proxies, warned) in [(None, true), (Some(ELSEWHERE), false)] {
        let site = Setup::default().binary().await;
        let (code, lines) = site.start(proxies.as_slice()).terminate();
        assert_eq!(code, Some(0));
        let warnings = lines.iter().filter(|line| line.contains("TELECONSULT_IDENTITY_PROXIES is not set"));
        assert_eq!(warnings.filter(|line| line.contains(r#""level":40"#)).count(), usize::from(warned), "{lines:?}");
    }
}
