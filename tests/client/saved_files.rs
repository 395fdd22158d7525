//! Downloads that are saved, resumed and read as a stream of bytes.

use std::path::PathBuf;

use bandyer_client::{ErrorKind, Outcome, RetryPolicy, SaveError, SessionId};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::support::{RawServer, Then};

const HALF: Then = Then::Send("HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\nfirst");
const REST: Then = Then::Send("HTTP/1.1 206 Partial\r\ncontent-range: bytes 5-9/10\r\ncontent-length: 5\r\n\r\n-half");

fn session() -> SessionId {
    SessionId::new("s").unwrap()
}

struct Target {
    folder: TempDir,
    path: PathBuf,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("visit.txt");
        Self { folder, path }
    }

    fn text(&self) -> Option<String> {
        std::fs::read_to_string(&self.path).ok()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }
}

async fn save(steps: &'static [Then], target: &Target) -> (Result<u64, SaveError>, Vec<String>) {
    let server = RawServer::start(steps).await;
    let client = server.client().build().unwrap();
    let saved = client.transcripts().download(&session()).save(&target.path).await;
    (saved, server.received())
}

fn download_error(saved: Result<u64, SaveError>) -> bandyer_client::Error {
    match saved {
        Err(SaveError::Download(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_connection_is_resumed_where_the_file_ends() {
    let target = Target::new();
    let (saved, requests) = save(&[HALF, REST], &target).await;
    assert_eq!((saved.unwrap(), target.text().as_deref()), (10, Some("first-half")));
    assert!(!requests[0].contains("range:"), "{}", requests[0]);
    assert!(requests[1].contains("range: bytes=5-\r\n") && requests[1].contains("if-range: \"v1\"\r\n"));
    assert_eq!(target.files(), 1);
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_saved_from_its_beginning() {
    let target = Target::new();
    let new = Then::Send("HTTP/1.1 200 OK\r\netag: \"v2\"\r\ncontent-length: 3\r\n\r\nnew");
    let (saved, _) = save(Box::leak(Box::new([HALF, new])), &target).await;
    assert_eq!((saved.unwrap(), target.text().as_deref()), (3, Some("new")));
}

#[tokio::test]
async fn another_part_than_the_requested_one_is_an_error_and_leaves_no_file() {
    for other in [
        "content-range: bytes 4-9/10\r\ncontent-length: 6\r\n\r\nt-half",
        "content-length: 5\r\n\r\n-half",
        "content-type: multipart/byteranges; boundary=x\r\ncontent-length: 5\r\n\r\n-half",
        "content-range: bytes */10\r\ncontent-length: 5\r\n\r\n-half",
        "content-range: bytes 5-9/10\r\netag: \"v2\"\r\ncontent-length: 5\r\n\r\n-half",
    ] {
        let target = Target::new();
        let other = Then::Send(format!("HTTP/1.1 206 Partial\r\n{other}").leak());
        let (saved, _) = save(Box::leak(Box::new([HALF, other])), &target).await;
        assert_eq!(download_error(saved).kind(), ErrorKind::Decode, "{:?}", target.text());
        assert_eq!(target.files(), 0);
    }
}

#[tokio::test]
async fn a_part_in_chunks_that_ends_early_is_not_taken_for_the_whole_rest() {
    let early = Then::Send(
        "HTTP/1.1 206 Partial\r\netag: \"v1\"\r\ncontent-range: bytes 5-9/10\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\n-h\r\n0\r\n\r\n",
    );
    let last = Then::Send(
        "HTTP/1.1 206 Partial\r\netag: \"v1\"\r\ncontent-range: bytes 7-9/10\r\ncontent-length: 3\r\n\r\nalf",
    );
    let target = Target::new();
    let (saved, requests) = save(Box::leak(Box::new([HALF, early, last])), &target).await;
    assert_eq!((saved.unwrap(), target.text().as_deref()), (10, Some("first-half")));
    assert!(requests[2].contains("range: bytes=7-\r\n"), "{}", requests[2]);
}

#[tokio::test]
async fn a_file_without_a_strong_validator_is_not_put_together_from_parts() {
    for head in ["", "etag: W/\"v1\"\r\n"] {
        let step = format!("HTTP/1.1 200 OK\r\n{head}content-length: 10\r\n\r\nfirst");
        let steps: &'static [Then] = Box::leak(Box::new([Then::Send(Box::leak(step.into_boxed_str())), REST]));
        let target = Target::new();
        let (saved, requests) = save(steps, &target).await;
        let error = download_error(saved);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Interrupted, Outcome::ReadOnly));
        assert_eq!((requests.len(), target.files()), (1, 0));
    }
}

#[tokio::test]
async fn a_host_that_cuts_every_connection_is_given_up_and_an_existing_file_is_kept() {
    let cut =
        Then::Send("HTTP/1.1 206 Partial\r\netag: \"v1\"\r\ncontent-range: bytes 5-9/10\r\ncontent-length: 5\r\n\r\n");
    let target = Target::new();
    std::fs::write(&target.path, "before").unwrap();
    let (saved, requests) = save(Box::leak(Box::new([HALF, cut])), &target).await;
    assert_eq!(download_error(saved).kind(), ErrorKind::Interrupted);
    // The first attempt counts from zero again, because it brought data.
    assert_eq!(requests.len(), 3);
    assert_eq!((target.files(), target.text().as_deref()), (1, Some("before")));
}

#[tokio::test]
async fn a_host_that_sends_a_byte_and_cuts_is_given_up_after_a_number_of_requests() {
    let byte = Then::Send("HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 9\r\n\r\nx");
    let (saved, requests) = save(Box::leak(Box::new([byte])), &Target::new()).await;
    assert_eq!(download_error(saved).kind(), ErrorKind::Interrupted);
    assert_eq!(requests.len(), 21);
}

#[tokio::test]
async fn without_retries_nothing_is_resumed() {
    let server = RawServer::start(&[HALF, REST]).await;
    let client = server.client().retry(RetryPolicy::none()).build().unwrap();
    let target = Target::new();
    let saved = client.transcripts().download(&session()).save(&target.path).await;
    assert_eq!(download_error(saved).kind(), ErrorKind::Interrupted);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_an_error_of_the_file() {
    let server = RawServer::start(&[HALF]).await;
    let client = server.client().build().unwrap();
    let path = Target::new().folder.path().join("missing").join("visit.txt");
    let saved = client.transcripts().download(&session()).save(path).await;
    assert!(matches!(saved, Err(SaveError::File(_))));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn the_caller_can_resume_and_read_as_a_stream_of_bytes() {
    let server = RawServer::start(&[HALF, REST]).await;
    let client = server.client().build().unwrap();
    let mut download = client.transcripts().download(&session()).await.unwrap();
    assert_eq!(download.length(), Some(10));
    assert_eq!(download.next().await.unwrap().unwrap(), "first");
    let position = download.resumption().unwrap();
    assert_eq!(position.offset(), 5);
    let rest = client.transcripts().download(&session()).resume_from(position).await.unwrap();
    assert_eq!((rest.offset(), rest.length()), (5, Some(10)));
    let mut text = String::new();
    rest.into_reader().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "-half");
}

#[tokio::test]
async fn the_reader_reports_the_error_of_the_download() {
    let server = RawServer::start(&[HALF]).await;
    let client = server.client().build().unwrap();
    let mut text = String::new();
    let mut reader = client.transcripts().download(&session()).await.unwrap().into_reader();
    let error = reader.read_to_string(&mut text).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let error = error.into_inner().unwrap().downcast::<bandyer_client::Error>().unwrap();
    assert_eq!((error.operation(), error.kind()), ("get transcription", ErrorKind::Interrupted));
}
