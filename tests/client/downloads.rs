//! Downloads: where the API key is sent, size limits, and interrupted files.

use std::time::Duration;

use bandyer_client::emulator::{Action, Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, RecordingMode};
use bandyer_client::users::Role;
use bandyer_client::{Client, Download, ErrorKind, Outcome, SessionId};
use futures_util::{StreamExt, TryStreamExt};
use httpmock::MockServer;
use serde_json::json;

use crate::support::{KEY, RawServer, Then, no_backoff, user, v2};

fn session() -> SessionId {
    SessionId::new("s").unwrap()
}

/// A vendor that returns this link.
async fn vendor(link: &str) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    let response = json!({"url": link});
    server
        .mock_async(|when, then| {
            when.path("/v2/sessions/s/recording").header("apikey", KEY);
            then.status(200).json_body(response);
        })
        .await;
    let client = v2(&server);
    (server, client)
}

#[tokio::test]
async fn the_api_key_is_not_sent_to_a_download_link() {
    let files = MockServer::start_async().await;
    let file = files
        .mock_async(|when, then| {
            when.path("/r.mp4").header_missing("apikey");
            then.status(200).header("content-type", "video/mp4").body("content");
        })
        .await;
    let (_vendor, client) = vendor(&files.url("/r.mp4?signature=1")).await;
    let download = client.recordings().download(&session()).send().await.unwrap();
    assert_eq!((download.content_type(), download.length()), (Some("video/mp4"), Some(7)));
    assert_eq!(download.bytes().await.unwrap(), "content");
    file.assert_calls_async(1).await;
}

#[tokio::test]
async fn an_insecure_link_is_not_followed() {
    for link in ["http://files.example/r.mp4", "ftp://127.0.0.1/r.mp4", "r.mp4", ""] {
        let (_vendor, client) = vendor(link).await;
        let error = client.recordings().download(&session()).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{link}");
        assert!(error.to_string().ends_with("the link to the file is no https URL"), "{error}");
    }
}

/// A host of files that responds to each of these paths with a status and a `location`.
async fn files(responses: &[(&'static str, u16, &str)]) -> MockServer {
    let files = MockServer::start_async().await;
    for (path, status, location) in responses {
        let location = (*location).to_owned();
        files
            .mock_async(|when, then| {
                when.path(*path).header_missing("apikey");
                then.status(*status).header("location", location).body("content");
            })
            .await;
    }
    files
}

#[tokio::test]
async fn redirects_to_a_file_are_followed_without_the_key() {
    let files = files(&[("/a", 302, "/b"), ("/b", 307, "/c"), ("/c", 200, "")]).await;
    let (_vendor, client) = vendor(&files.url("/a")).await;
    let file = client.recordings().download(&session()).await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), "content");
}

#[tokio::test]
async fn redirects_that_never_end_or_leave_https_are_errors() {
    let endless = files(&[("/a", 302, "/b"), ("/b", 302, "/a")]).await;
    let insecure = files(&[("/a", 302, "http://files.example/a")]).await;
    for (files, text) in [(endless, "from one address to the next"), (insecure, "that is no https URL")] {
        let (_vendor, client) = vendor(&files.url("/a")).await;
        let error = client.recordings().download(&session()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_link_that_has_expired_is_requested_again_once() {
    for status in [401, 403] {
        let files = files(&[("/old", status, ""), ("/new", 200, "")]).await;
        let vendor = MockServer::start_async().await;
        let [old, new] = ["/old", "/new"].map(|path| json!({"url": files.url(path)}));
        let first = vendor
            .mock_async(|when, then| {
                when.path("/v2/sessions/s/recording");
                then.status(200).json_body(old);
            })
            .await;
        let client = v2(&vendor);
        let error = client.recordings().download(&session()).await.unwrap_err();
        // The key is not the reason, and the attempts are those at both links and both files.
        assert!(!error.is_unauthorized() && error.to_string().contains("the host of the file"), "{error}");
        assert_eq!(first.calls_async().await, 2, "{status}");
        first.delete_async().await;
        vendor
            .mock_async(|when, then| {
                when.path("/v2/sessions/s/recording");
                then.status(200).json_body(new);
            })
            .await;
        let file = client.recordings().download(&session()).await.unwrap();
        assert_eq!(file.bytes().await.unwrap(), "content");
    }
}

#[tokio::test]
async fn a_file_above_the_size_limit_is_not_read_to_its_end() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults().add(Fault::on(Operation::GetCompany).always().action(Action::HugeBody(1 << 20)));
    let client = emulator.client().unwrap();
    let limited = || client.request(http::Method::GET, &["company"]).download().max_bytes(100_000);
    let error = limited().send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().ends_with("the file is larger than 100000 bytes"), "{error}");
    let pieces: Vec<_> = limited().send().await.unwrap().into_stream().collect().await;
    let read: usize = pieces.iter().flatten().map(|piece| piece.len()).sum();
    assert!(pieces.last().unwrap().is_err() && read <= 100_000, "{read}");

    // A download whose declared length exceeds the limit is not started.
    let known = RawServer::start(&[Then::Send("HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n")]).await;
    let client = known.client().build().unwrap();
    let error = client.transcripts().download(&session()).max_bytes(100_000).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

async fn rest_of(download: Download) -> bandyer_client::Error {
    download.into_stream().try_collect::<Vec<_>>().await.unwrap_err()
}

#[tokio::test]
async fn a_truncated_or_stalled_download_is_an_error() {
    let broken = RawServer::start(&[Then::Send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")]).await;
    let download = broken.client().build().unwrap().transcripts().download(&session()).send().await.unwrap();
    let error = rest_of(download).await;
    assert_eq!((error.kind(), broken.requests()), (ErrorKind::Interrupted, 1));

    let stalling = RawServer::start(&[Then::SendAndStall("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")]).await;
    let client = stalling.client().build().unwrap();
    let request = client.transcripts().download(&session()).idle_timeout(Duration::from_millis(50));
    let error = rest_of(request.send().await.unwrap()).await;
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::ReadOnly));
    assert!(error.to_string().contains("nothing arrived for too long"), "{error}");
}

#[tokio::test]
async fn a_download_is_retried_before_the_first_byte() {
    let emulator = Emulator::start().await.unwrap();
    let client =
        Client::builder(emulator.api_key().clone()).base_url(emulator.url()).retry(no_backoff()).build().unwrap();
    for (id, role) in [("d", Role::Plus), ("p", Role::Basic)] {
        client.users().create(role).id(user(id)).send().await.unwrap();
    }
    let people = ["d", "p"].map(|id| NewParticipant::new(user(id)));
    let room = client.rooms().create(people).recording(RecordingMode::Automatic).offline_transcription(true);
    let room = room.send().await.unwrap().id;
    emulator.join(&room, &user("d")).unwrap();
    emulator.leave(&room, &user("d")).unwrap();
    let session = emulator.sessions().pop().unwrap().id;
    emulator.faults().add(Fault::on(Operation::GetTranscription).status(503));
    emulator.faults().add(Fault::on(Operation::GetTranscription).reset_before());
    let text = client.transcripts().download(&session).send().await.unwrap().bytes().await.unwrap();
    assert!(text.starts_with(b"An emulated transcript"));
    assert_eq!(emulator.calls_of(Operation::GetTranscription), 3);
}

#[tokio::test]
async fn a_raw_request_can_be_downloaded() {
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    let file = client.request(http::Method::GET, &["company"]).download().send().await.unwrap();
    let company: serde_json::Value = serde_json::from_slice(&file.bytes().await.unwrap()).unwrap();
    assert_eq!(company["name"], json!("Emulated company"));
}
