//! Planted canaries: a key, a link, a token and a name that must not appear in any log line or error body.

use std::collections::BTreeSet;

use bandyer_client::emulator::{Action, Fault, Operation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::crud_service::{PEOPLE, RECORDS};
use crate::support::service::Platform;
use crate::support::stand_in::Wrong;
use crate::support::{Setup, in_minutes};

const KEY: &str = "ak_test_canarykey00000000";
const NAME: &str = "Canary Name";

#[tokio::test]
async fn no_key_link_token_or_name_is_in_a_log_line_or_an_error_body() {
    let site = Setup::default().api_key(KEY).binary().await;
    let (emulator, server) = (&site.emulator, site.start(&[("LOG_LEVEL", "trace")]));
    let http = crate::support::http_client();
    let mut errors = Vec::new();
    let mut canaries: BTreeSet<String> = [KEY, NAME, "canary.mail@clinic.example"].map(str::to_owned).into();
    let person = |id: &str, group: &str| json!({"userId": id, "groups": [group], "fullName": NAME});
    let doctor = "canary.mail@clinic.example";
    let list = json!({"number": 2, "data": [person(doctor, "doctor"), person("p", "patient")]});
    let body = json!({"start_date": in_minutes(0), "duration_in_seconds": 900, "participants": list});

    let mut call = async |method: Method, path: &str, user: &str, body: Option<&Value>| {
        let mut request = http.request(method, format!("{}{path}", server.url)).header("miauserid", user);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        if !status.is_success() {
            errors.push(text.clone());
        }
        serde_json::from_str::<Value>(&text).unwrap_or_default()
    };

    let id = call(Method::POST, "/teleconsultation", "", Some(&body)).await["roomId"].as_str().unwrap().to_owned();
    let path = format!("/teleconsultation/{id}");
    for user in [doctor, "p"] {
        let link = call(Method::GET, &path, user, None).await["accessLinkURL"].as_str().unwrap().to_owned();
        canaries.insert(link.rsplit('/').next().unwrap().to_owned());
    }
    let token = call(Method::POST, "/credentials", "p", None).await["accessToken"].as_str().unwrap().to_owned();
    canaries.insert(token);

    // Everything that can go wrong, with canaries in it.
    for action in [
        Action::Status(http::StatusCode::UNAUTHORIZED),
        Action::Status(http::StatusCode::INTERNAL_SERVER_ERROR),
        Action::ResetBefore,
        Action::ResetAfter,
        Action::Garbage,
        Action::Truncate,
        Action::Html502,
    ] {
        for operation in
            [Operation::CreateRoom, Operation::IssueCredential, Operation::ListRooms, Operation::DeleteRoom]
        {
            emulator.faults().add(Fault::on(operation).times(3).action(action.clone()));
        }
        call(Method::POST, "/teleconsultation", "", Some(&body)).await;
        call(Method::POST, "/credentials", "p", None).await;
        emulator.faults().clear();
    }
    let cook = json!({"start_date": in_minutes(0), "duration_in_seconds": 900,
                      "participants": {"number": 2, "data": [person("cook", "Canary Name"), person("p", "patient")]}});
    call(Method::POST, "/teleconsultation", "", Some(&cook)).await;
    call(Method::PATCH, &path, "", Some(&json!({"start_date": NAME}))).await;
    call(Method::GET, &format!("{path}/{NAME}?token={NAME}"), doctor, None).await;
    call(Method::GET, &format!("{path}?language={NAME}"), doctor, None).await;
    call(Method::DELETE, &path, doctor, None).await;

    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(errors.len() > 10 && lines.len() > 20, "{} errors, {} lines", errors.len(), lines.len());
    // An unknown path is shown escaped, and a caller's own path is not a secret; the query is never shown.
    let lines = lines.into_iter().filter(|line| !line.contains("/Canary%20Name"));
    let errors = errors.into_iter().filter(|line| !line.contains("/Canary%20Name"));
    for line in lines.chain(errors) {
        for canary in &canaries {
            assert!(!line.contains(canary.as_str()), "{canary} in {line}");
        }
    }
}

#[tokio::test]
async fn platform_failures_reveal_no_name_link_or_header() {
    let site = Setup::default().platform(Platform::BOTH).binary().await;
    let (auth, crud) = (site.auth.as_ref().unwrap(), site.crud.as_ref().unwrap());
    let (doctor, cookie) = ("canary.mail@clinic.example", "sid=canarycookie");
    auth.has(doctor, &json!(["doctor"]), NAME);
    auth.has("p", &json!(["patient"]), NAME);
    let server = site.start(&[
        ("LOG_LEVEL", "trace"),
        ("ADDITIONAL_HEADERS_TO_PROXY", "cookie"),
        ("ENABLE_HTTP_CLIENT_METRICS", "true"),
    ]);
    let http = crate::support::http_client();
    let mut bodies = Vec::new();
    let mut call = async |method: Method, path: &str, body: Option<&Value>| {
        let request = http.request(method, format!("{}{path}", server.url));
        let request = request.header("miauserid", doctor).header("cookie", cookie);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        if !status.is_success() || path == "/-/metrics" {
            bodies.push(text.clone());
        }
        serde_json::from_str::<Value>(&text).unwrap_or_default()
    };

    let body = json!({"start_date": in_minutes(0), "duration_in_seconds": 900, "participants": [doctor, "p"]});
    let id = call(Method::POST, "/teleconsultation", Some(&body)).await["roomId"].as_str().unwrap().to_owned();
    let path = format!("/teleconsultation/{id}");
    let link = call(Method::GET, &path, None).await["accessLinkURL"].as_str().unwrap().to_owned();
    for wrong in [Wrong::Status(500), Wrong::ResetBefore, Wrong::ResetAfter] {
        for (service, method, place) in [
            (&auth.http, Method::GET, "/users"),
            (&crud.http, Method::GET, PEOPLE),
            (&crud.http, Method::GET, RECORDS),
            (&crud.http, Method::POST, RECORDS),
        ] {
            service.fail(method, place, wrong);
            call(Method::POST, "/teleconsultation", Some(&body)).await;
            call(Method::GET, &path, None).await;
        }
    }
    call(Method::DELETE, &path, None).await;
    call(Method::GET, "/-/metrics", None).await;
    assert!(bodies.len() > 6, "{bodies:?}");

    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    let platform = [&auth.http.url, &crud.http.url].map(|url| url.trim_start_matches("http://").to_owned());
    let secrets = [NAME, doctor, "canarycookie", link.rsplit('/').next().unwrap()];
    for line in lines.iter().chain(&bodies) {
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "{line}");
    }
    // The metrics may contain the configured addresses; error bodies may not.
    for error in bodies.iter().filter(|text| text.starts_with('{')) {
        assert!(!platform.iter().any(|address| error.contains(address)), "{error}");
    }
}
