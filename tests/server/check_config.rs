//! `check-config` reports what is wrong with the settings, without starting anything.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::Output;

use teleconsult_server::config::Config;

use crate::support::binary::command;

fn check(variables: &[(&str, &str)]) -> Output {
    command(variables).arg("check-config").output().unwrap()
}

#[test]
fn ten_errors_are_reported_with_their_source_and_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let content = r##"{"privileges": {"basic": {"groups": []}, "plus": {"groups": "canary"}},
                       "groupsWithBackgroundList": 5, "theme": {"dark": {"accentColor": "canary"}}}"##;
    std::fs::write(&file, content).unwrap();
    let path = file.to_str().unwrap();
    let output = check(&[
        ("BANDYER_BASE_URL", "https://api.sandbox.eu.bandyer.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,canary"),
        ("SERVICE_PREFIX", "/api/canary?x"),
        ("EXPOSE_METRICS", "canary"),
        ("LOG_LEVEL", "canary"),
        ("TRANSCRIPTION_MAX_FILE_SIZE", "canary"),
        ("TELECONSULTATION_SERVICE_CONFIG_PATH", path),
        ("DATA_DIR", "/proc/nowhere"),
    ]);
    assert_eq!(output.status.code(), Some(78));
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(report.contains("the configuration has 10 problem(s)"), "{report}");
    assert!(!report.contains("canary"), "{report}");
    let in_file = |key: &str| format!("    (set in the file {path} at {key})\n");
    for text in [
        "\n  BANDYER_API_SECRET_KEY must be set\n    (not set)",
        "\n  TRUSTED_PROXIES must be a list of addresses, networks such as 10.0.0.0/8",
        "\n  SERVICE_PREFIX must be made of segments",
        "\n  EXPOSE_METRICS must be true or false\n    (set in the environment)",
        "\n  LOG_LEVEL must be one of error, warn, info, debug, trace, silent\n    (set in the environment)",
        "\n  TRANSCRIPTION_MAX_FILE_SIZE must be a size such as 50MB",
        &in_file("privileges.basic.groups"),
        &in_file("privileges.plus.groups"),
        &in_file("groupsWithBackgroundList"),
    ] {
        assert!(report.contains(text), "{text}: {report}");
    }
    assert!(report.contains("`theme.dark.accentColor` must be a colour"), "{report}");
}

#[test]
fn an_empty_required_variable_is_reported_as_empty() {
    let output = check(&[("BANDYER_API_SECRET_KEY", ""), ("BANDYER_BASE_URL", "https://api.sandbox.eu.bandyer.com")]);
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(report.contains("BANDYER_API_SECRET_KEY is empty\n    (set in the environment)"), "{report}");
}

#[test]
fn valid_settings_are_reported_and_nothing_is_started() {
    let output = check(&[
        ("BANDYER_API_SECRET_KEY", "ak_test_canary"),
        ("BANDYER_BASE_URL", "https://api.sandbox.eu.bandyer.com"),
        ("DATA_DIR", "/proc/nowhere"),
        ("WAIT_BEFORE_SERVER_CLOSE_SEC", "0"),
        ("TELECONSULT_LEASE_SECONDS", "90"),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let report = String::from_utf8(output.stdout).unwrap();
    for variable in ["WAIT_BEFORE_SERVER_CLOSE_SEC", "TELECONSULT_LEASE_SECONDS"] {
        assert!(report.contains(&format!("warning: {variable}")), "{report}");
    }
    assert!(report.ends_with("The configuration is good.\n") && !report.contains("canary"), "{report}");
}

#[test]
fn the_readme_documents_every_variable_that_is_read() {
    let read = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        None
    };
    assert!(Config::from_lookup(&lookup).is_err());
    let read = read.into_inner();
    assert!(read.len() > 40, "{read:?}");
    let readme = include_str!("../../README.md");
    // The exception is a misspelling in the predecessor's pages, which PARITY.md documents.
    let undocumented: Vec<_> = read.iter().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert_eq!(undocumented, ["USER_MAP_ID_CRUD_NAME"]);
}

#[test]
fn the_binary_prints_a_schema_that_accepts_real_files() {
    let output = command(&[]).arg("config-schema").output().unwrap();
    assert!(output.status.success());
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let old = serde_json::json!({
        "environment": "sandbox", "mode": "window",
        "privileges": {"basic": {"groups": ["customer"], "tools": {"chat": true}}, "plus": {"groups": ["doctor"]}},
        "theme": {"light": {"primaryColor": "#fff", "accentColor": "#480ca8"}},
        "companyLogo": {"url": "https://www.insert.url.it"},
        "userIdPathInRequest": [{"from": "object", "extract": "headers"}, {"from": "object", "extract": "miauserid"}],
        "customUserId": {"source": "_id", "target": "authUserId"},
    });
    assert!(
        validator.is_valid(&old),
        "{:?}",
        validator.iter_errors(&old).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    for wrong in
        [serde_json::json!({}), serde_json::json!({"privileges": {"basic": {"groups": []}, "plus": {"groups": ["b"]}}})]
    {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
