//! Contradictions in the predecessor's documentation. `PARITY.md` lists each of them with the test that shows what was
//! decided; the tests here cover those that no other test shows.

use std::io::Write;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;
use serde_json::{Value, json};
use teleconsult_server::config::Config;

use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Service, in_minutes, person};

const PARITY: &str = include_str!("../../teleconsult-server/PARITY.md");

/// The source text of all tests of the server.
fn sources() -> String {
    let mut text = String::new();
    for folder in ["tests/server", "teleconsult-server/src"] {
        read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
    }
    text
}

fn read(folder: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_contradiction_with_a_behaviour_has_a_test() {
    let table = PARITY.split_once("## Where the predecessor's pages contradict themselves").unwrap().1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
    let sources = sources();
    let mut tested = 0;
    for row in &rows {
        let names: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || row[2] == "no behaviour", "{row:?}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test is called {name}");
            tested += 1;
        }
    }
    assert!(tested >= 24, "{tested}");
}

#[tokio::test]
async fn groups_of_the_auth_service_override_those_of_the_caller() {
    let service = Service::on(Platform::AUTH, ApiVersion::V2, &[]).await;
    let auth = service.auth.as_ref().unwrap();
    auth.has("patient-42", &json!(["patient"]), "Marco Bianchi");
    auth.has("relative-7", &json!(["patient"]), "Luca Bianchi");
    let body = consultation(&in_minutes(60), 2, &[person("patient-42", "doctor"), person("relative-7", "doctor")]);
    let request = crate::support::http_client().post(format!("http://{}/teleconsultation", service.address()));
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let sentence = json!({"error": "Failed POST /teleconsultation: no plus user in room"});
    assert_eq!(response.json::<Value>().await.unwrap(), sentence);
    assert!(service.emulator.rooms().is_empty());
}

#[tokio::test]
async fn a_group_may_be_a_string_or_a_list_under_its_old_name() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    for group in [json!("doctor"), json!(["doctor"])] {
        let doctor = json!({"userId": "dr.rossi", "group": group, "fullName": "Anna Rossi"});
        let body = consultation(&in_minutes(60), 2, &[doctor, patient()]);
        assert_eq!(service.post("/teleconsultation", &body).await.status, 201);
    }
}

#[test]
fn the_other_user_map_spelling_is_read_and_the_url_beats_host() {
    let lookup = |name: &str| {
        let value = match name {
            "BANDYER_API_SECRET_KEY" => "ak_test_0123456789ab",
            "BANDYER_BASE_URL" => "https://api.sandbox.eu.bandyer.com",
            "CRUD_SERVICE_URL" => "http://by-url",
            "CRUD_SERVICE" => "by-host",
            "TELECONSULTATIONS_CRUD_NAME" => "teleconsultations",
            "USER_MAP_ID_CRUD_NAME" => "teleconsultations_users",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let shown = format!("{:?}", Config::from_lookup(&lookup).unwrap().platform);
    assert!(
        shown.contains("by-url") && !shown.contains("by-host") && shown.contains("teleconsultations_users"),
        "{shown}"
    );
}

#[tokio::test]
async fn the_default_groups_are_those_of_the_newer_pages() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let with = |group: &str| consultation(&in_minutes(60), 2, &[doctor(), person("patient-42", group)]);
    assert_eq!(service.post("/teleconsultation", &with("patient")).await.status, 201);
    assert_eq!(service.post("/teleconsultation", &with("customer")).await.status, 400);
}

#[test]
fn a_file_with_trailing_commas_is_refused() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"privileges": {"basic": {"groups": ["patient"]}, "plus": {"groups": ["doctor"]},},}"#).unwrap();
    let lookup = |name: &str| match name {
        "BANDYER_API_SECRET_KEY" => Some("ak_test_0123456789ab".to_owned()),
        "BANDYER_BASE_URL" => Some("https://api.sandbox.eu.bandyer.com".to_owned()),
        "TELECONSULTATION_SERVICE_CONFIG_PATH" => Some(file.path().to_str().unwrap().to_owned()),
        _ => None,
    };
    assert_eq!(Config::from_lookup(&lookup).unwrap_err().0.len(), 1);
}

#[tokio::test]
async fn durations_have_a_minimum_and_if_limited_a_maximum() {
    let lasting = |seconds: i64| {
        json!({"start_date": in_minutes(60), "duration_in_seconds": seconds,
            "participants": {"number": 2, "data": [doctor(), patient()]}})
    };
    for (unlimited, seconds, status) in
        [("true", 299, 400), ("true", 300, 201), ("true", 86_401, 201), ("false", 86_400, 201), ("false", 86_401, 400)]
    {
        let service = Service::start(ApiVersion::V2, &[("UNLIMITED_TELECONSULTATION", unlimited)]).await;
        let response = service.post("/teleconsultation", &lasting(seconds)).await;
        assert_eq!(response.status, status, "{unlimited} {seconds} {response:?}");
    }
}

#[tokio::test]
async fn without_an_auth_service_any_id_is_accepted() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    for (n, id) in ["auth0|5f3c", "anna+1@clinic.example", "4711"].into_iter().enumerate() {
        let id_of_record = service.create(&in_minutes(0), 2, &[doctor(), person(id, "patient")]).await;
        assert_eq!(service.view(&id_of_record, id).await.status, 200);
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), n + 1);
    }
}

#[tokio::test]
async fn the_live_setting_is_passed_to_the_vendor_unchanged() {
    for live in ["true", "false"] {
        let service = Service::start(ApiVersion::V2, &[("LIVE_TELECONSULTATION", live)]).await;
        service.create_later().await;
        assert_eq!(service.emulator.rooms()[0].live.to_string(), live);
    }
}

#[tokio::test]
async fn completeness_counts_all_stored_participants() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let id = service.create(&in_minutes(60), 3, &[doctor()]).await;
    let add = |one: Value| {
        let path = format!("/teleconsultation/{id}/participants/data");
        let service = &service;
        async move { service.post(&path, &one).await.status }
    };
    assert_eq!(add(patient()).await, 201);
    assert!(service.emulator.rooms().is_empty());
    assert_eq!(add(person("relative-7", "patient")).await, 201);
    assert_eq!(service.emulator.rooms().len(), 1);
}
