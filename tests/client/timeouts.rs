//! Timeouts, and responses that stall or end early.

use std::time::Duration;

use bandyer_client::{ErrorKind, Outcome, RetryPolicy};

use crate::support::{RawServer, Then, no_backoff, user};

#[tokio::test]
async fn an_attempt_timeout_has_an_unknown_outcome() {
    let server = RawServer::start(&[Then::Stall]).await;
    let client = server.client().attempt_timeout(Duration::from_millis(50)).build().unwrap();
    let error = client.users().delete(&user("d")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(error.is_timeout());
    assert_eq!((error.attempts(), server.requests()), (3, 3));
}

#[tokio::test]
async fn the_attempt_timeout_can_be_set_on_a_request() {
    let server = RawServer::start(&[Then::Stall]).await;
    let client = server.client().attempt_timeout(Duration::from_secs(3600)).build().unwrap();
    let request = client.users().get(&user("d")).attempt_timeout(Duration::from_millis(50)).retry(RetryPolicy::none());
    assert_eq!(request.send().await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn the_total_timeout_limits_all_attempts() {
    let server = RawServer::start(&[Then::Stall]).await;
    let retry = no_backoff().max_attempts(1000).total_timeout(Duration::from_millis(200));
    let client = server.client().attempt_timeout(Duration::from_millis(80)).retry(retry).build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!((2..=4).contains(&error.attempts()), "{error}");
}

#[tokio::test]
async fn the_attempt_timeout_covers_the_body() {
    let server = RawServer::start(&[Then::SendAndStall("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).retry(RetryPolicy::none()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::ReadOnly));
}

#[tokio::test]
async fn a_stalled_error_body_still_reports_the_status() {
    let steps = [Then::SendAndStall("HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\nx")];
    let server = RawServer::start(Box::leak(Box::new(steps))).await;
    let client = server.client().build().unwrap();
    let session = bandyer_client::SessionId::new("s").unwrap();
    assert!(client.transcripts().download(&session).send().await.unwrap_err().is_not_found());
    assert!(client.users().get(&user("d")).send().await.is_err());
}

#[tokio::test]
async fn a_truncated_body_is_interrupted() {
    let server = RawServer::start(&[Then::Send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).retry(RetryPolicy::none()).send().await.unwrap_err();
    // The server closed the connection before the declared length.
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Interrupted, Outcome::ReadOnly));
}

#[tokio::test]
async fn a_connection_lost_before_the_response_is_interrupted() {
    let server = RawServer::start(&[Then::Send("")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().delete(&user("d")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Interrupted, Outcome::Unknown, 3));
}

#[tokio::test]
async fn a_truncated_error_body_still_reports_the_status() {
    let server = RawServer::start(&[Then::Send("HTTP/1.1 404 Not Found\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert!(error.is_not_found());
}
