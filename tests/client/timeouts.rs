//! Time, and answers that stop half-way.

use std::time::Duration;

use bandyer_client::{ErrorKind, Outcome, RetryPolicy};

use crate::support::{RawServer, Then, eager, user};

#[tokio::test]
async fn a_try_that_takes_too_long_is_a_timeout_of_unknown_outcome() {
    let server = RawServer::start(&[Then::Stall]).await;
    let client = server.client().attempt_timeout(Duration::from_millis(50)).build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(error.is_timeout());
    assert_eq!((error.attempts(), server.requests()), (3, 3));
}

#[tokio::test]
async fn the_time_of_one_request_can_be_its_own() {
    let server = RawServer::start(&[Then::Stall]).await;
    let client = server.client().attempt_timeout(Duration::from_secs(3600)).build().unwrap();
    let request = client.users().get(&user("d")).attempt_timeout(Duration::from_millis(50)).retry(RetryPolicy::none());
    assert_eq!(request.send().await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn all_tries_together_have_a_limit() {
    let server = RawServer::start(&[Then::Stall]).await;
    let retry = eager().max_attempts(1000).total_timeout(Duration::from_millis(200));
    let client = server.client().attempt_timeout(Duration::from_millis(80)).retry(retry).build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!((2..=4).contains(&error.attempts()), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_on_the_way_is_cut_by_the_time_of_the_try() {
    let server = RawServer::start(&[Then::SendAndStall("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).retry(RetryPolicy::none()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
}

#[tokio::test]
async fn an_error_page_that_stops_on_the_way_still_tells_its_status_in_time() {
    let steps = [Then::SendAndStall("HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\nx")];
    let server = RawServer::start(Box::leak(Box::new(steps))).await;
    let client = server.client().build().unwrap();
    let session = bandyer_client::SessionId::new("s").unwrap();
    assert!(client.transcripts().download(&session).send().await.unwrap_err().is_not_found());
    assert!(client.users().get(&user("d")).send().await.is_err());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_interrupted() {
    let server = RawServer::start(&[Then::Send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).retry(RetryPolicy::none()).send().await.unwrap_err();
    // The server closed the connection before the promised end.
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Interrupted, Outcome::Unknown));
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_answer_is_interrupted() {
    let server = RawServer::start(&[Then::Send("")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Interrupted, Outcome::Unknown, 3));
}

#[tokio::test]
async fn an_error_page_cut_short_still_tells_its_status() {
    let server = RawServer::start(&[Then::Send("HTTP/1.1 404 Not Found\r\ncontent-length: 1000\r\n\r\n{")]).await;
    let client = server.client().build().unwrap();
    let error = client.users().get(&user("d")).send().await.unwrap_err();
    assert!(error.is_not_found());
}
