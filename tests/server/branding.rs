//! The colours and the logo of the configuration file.

use std::io::Write;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Emulator, Fault, Operation};
use httpmock::MockServer;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::Service;
use crate::support::service::pause;

/// The first bytes of a PNG of 300 × 300 pixels.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x2c\0\0\x01\x2c\x08\x06\0\0\0\0\0\0\0";

fn file(theme: Value, logo: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let content = json!({
        "privileges": {"basic": {"groups": ["patient"]}, "plus": {"groups": ["doctor"]}},
        "theme": theme,
        "companyLogo": {"url": logo},
    });
    file.write_all(content.to_string().as_bytes()).unwrap();
    file
}

async fn start(version: ApiVersion, file: &NamedTempFile) -> Service {
    let path = file.path().to_str().unwrap();
    Service::start(version, &[("TELECONSULTATION_SERVICE_CONFIG_PATH", path)]).await
}

async fn colours(emulator: &Emulator) -> Value {
    let theme = emulator.client().unwrap().company().theme().send().await.unwrap();
    json!({"light": theme.light, "dark": theme.dark})
}

fn theme() -> Value {
    json!({"light": {"primaryColor": "#fff", "accentColor": "#480ca8"}, "dark": {"primaryColor": "#003049", "accentColor": "#d62828"}})
}

#[tokio::test]
async fn colours_and_logo_are_sent_once_after_startup() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let pictures = MockServer::start_async().await;
        let logo = pictures
            .mock_async(|when, then| {
                when.path("/logo.png").header_missing("apikey").header_missing("miauserid");
                then.status(200).body(PNG);
            })
            .await;
        let service = start(version, &file(theme(), &pictures.url("/logo.png"))).await;
        service.until_called(Operation::UpdateTheme, 1).await;
        service.until_called(Operation::SetLogo, 1).await;
        let expected = json!({
            "light": {"primary_color": "#ffffff", "accent_color": "#480ca8"},
            "dark": {"primary_color": "#003049", "accent_color": "#d62828"},
        });
        assert_eq!(colours(&service.emulator).await, expected);
        let company = service.emulator.client().unwrap().company().get().send().await.unwrap();
        assert!(company.logos.is_some_and(|logos| logos.light_url.is_some() && logos.dark_url.is_some()));
        logo.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn a_failing_vendor_or_a_bad_logo_does_not_prevent_startup() {
    let pictures = MockServer::start_async().await;
    let redirect = pictures
        .mock_async(|when, then| {
            when.path("/logo.png");
            then.status(302).header("location", "/other.png");
        })
        .await;
    let target = pictures
        .mock_async(|when, then| {
            when.path("/other.png");
            then.status(200).body(PNG);
        })
        .await;
    let service = start(ApiVersion::V2, &file(theme(), &pictures.url("/logo.png"))).await;
    service.emulator.faults().add(Fault::on(Operation::UpdateTheme).always().status(500));
    service.create_running().await;
    service.until_called(Operation::UpdateTheme, 1).await;
    while redirect.calls_async().await == 0 {
        pause().await;
    }
    target.assert_calls_async(0).await;
    assert_eq!(service.emulator.calls_of(Operation::SetLogo), 0);
}

#[tokio::test]
async fn without_a_configuration_file_nothing_is_sent() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    service.create_running().await;
    for operation in [Operation::UpdateTheme, Operation::SetLogo] {
        assert_eq!(service.emulator.calls_of(operation), 0);
    }
}
