//! Which requests are retried.

use std::time::Duration;

use bandyer_client::emulator::{Emulator, Fault, Operation};
use bandyer_client::rooms::NewParticipant;
use bandyer_client::users::Role;
use bandyer_client::{Client, Outcome, RetryPolicy};
use httpmock::{Mock, MockServer};
use serde_json::{Value, json};

use crate::support::{RawServer, Then, builder, no_backoff, user, v2};

const HANG_UP: Then = Then::Send("");
const CREATED: Then =
    Then::Send("HTTP/1.1 201 Created\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{\"id\":\"d\"}");
const ALREADY_EXISTS: Then = Then::Send(
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 33\r\nconnection: close\r\n\r\n{\"code\":\"user_id_already_exists\"}",
);

const RATE_LIMITED: Then =
    Then::Send("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");

/// Responds once with the first response, then with the second.
async fn two_responses<'a>(server: &'a MockServer, first: (u16, Option<&str>), second: (u16, Value)) -> [Mock<'a>; 2] {
    let one = server
        .mock_async(|_, then| {
            let then = then.status(first.0);
            match first.1 {
                Some(retry_after) => then.header("retry-after", retry_after),
                None => then,
            }
            .up_to_n_times(1);
        })
        .await;
    [
        one,
        server
            .mock_async(|_, then| {
                then.status(second.0).json_body(second.1);
            })
            .await,
    ]
}

fn a_room(client: &Client) -> bandyer_client::rooms::CreateRoom {
    client.rooms().create(["a", "b"].map(|id| NewParticipant::new(user(id))))
}

#[tokio::test]
async fn failed_reads_are_retried() {
    for status in [408, 500, 502, 503, 504] {
        let server = MockServer::start_async().await;
        let [first, second] = two_responses(&server, (status, None), (200, json!({"id": "d"}))).await;
        let response = v2(&server).users().get(&user("d")).send_with_response().await.unwrap();
        assert_eq!(response.attempts(), 2);
        first.assert_calls_async(1).await;
        second.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn a_room_creation_that_may_have_succeeded_is_not_retried() {
    for status in [408, 500, 502, 503, 504] {
        let server = MockServer::start_async().await;
        let [first, second] = two_responses(&server, (status, Some("0")), (201, json!({"id": "r"}))).await;
        let error = a_room(&v2(&server)).send().await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts()), (Outcome::Unknown, 1), "{status}");
        assert!(error.to_string().ends_with("not repeated because it may already have happened"), "{error}");
        first.assert_calls_async(1).await;
        second.assert_calls_async(0).await;
    }
}

#[tokio::test]
async fn a_room_creation_with_a_lost_response_is_not_retried() {
    for steps in [&[HANG_UP, CREATED], &[Then::Stall, CREATED]] {
        let server = RawServer::start(steps).await;
        let error = a_room(&server.client().build().unwrap()).send().await.unwrap_err();
        assert_eq!((error.outcome(), server.requests()), (Outcome::Unknown, 1), "{error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_user_creation_is_retried_only_with_an_id() {
    for first in [&[HANG_UP, CREATED], &[Then::Stall, CREATED]] {
        let server = RawServer::start(first).await;
        let client = server.client().build().unwrap();
        assert_eq!(client.users().create(Role::Plus).id(user("d")).send().await.unwrap().id, "d");
        assert_eq!(server.requests(), 2);

        let server = RawServer::start(first).await;
        let client = server.client().build().unwrap();
        let error = client.users().create(Role::Plus).send().await.unwrap_err();
        assert_eq!((error.outcome(), server.requests()), (Outcome::Unknown, 1));
    }
}

#[tokio::test]
async fn already_exists_is_a_success_only_after_a_lost_attempt() {
    // A lost response, then "already exists", then the user.
    let server = RawServer::start(&[HANG_UP, ALREADY_EXISTS, CREATED]).await;
    let client = server.client().build().unwrap();
    let response = client.users().create(Role::Plus).id(user("d")).send_with_response().await.unwrap();
    assert_eq!((response.attempts(), server.requests()), (3, 3));
    assert_eq!(response.body().id, "d");

    let server = RawServer::start(&[ALREADY_EXISTS, CREATED]).await;
    let client = server.client().build().unwrap();
    let error = client.users().create(Role::Plus).id(user("d")).send().await.unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn already_exists_after_a_rejected_attempt_is_an_error() {
    // The first attempt was rejected, so it did not create the existing user.
    let server = RawServer::start(&[RATE_LIMITED, ALREADY_EXISTS, CREATED]).await;
    let client = server.client().build().unwrap();
    let error = client.users().create(Role::Plus).id(user("d")).send().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_429_with_retry_after_is_retried_even_for_a_room() {
    for when in ["0", "Thu, 05 Mar 2020 08:00:00 GMT"] {
        let server = MockServer::start_async().await;
        let [_, second] = two_responses(&server, (429, Some(when)), (201, json!({"id": "r"}))).await;
        a_room(&v2(&server)).send().await.unwrap();
        second.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn a_429_without_retry_after_is_not_retried() {
    let server = MockServer::start_async().await;
    let [_, second] = two_responses(&server, (429, None), (200, json!({"id": "d"}))).await;
    let error = v2(&server).users().get(&user("d")).send().await.unwrap_err();
    assert!(error.is_rate_limited() && error.is_retryable());
    assert_eq!((error.retry_after(), second.calls_async().await), (None, 0));
}

#[tokio::test]
async fn a_delay_beyond_the_total_timeout_is_an_error() {
    let server = MockServer::start_async().await;
    let [_, second] = two_responses(&server, (503, Some("3600")), (200, json!({"id": "d"}))).await;
    let error = v2(&server).users().get(&user("d")).send().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.to_string().contains("asked to wait for longer"), "{error}");
    second.assert_calls_async(0).await;
}

#[tokio::test]
async fn attempts_are_limited_by_the_client_or_request_policy() {
    let server = MockServer::start_async().await;
    let always = server
        .mock_async(|_, then| {
            then.status(500);
        })
        .await;
    let client = builder(&server.base_url()).retry(no_backoff().max_attempts(5)).build().unwrap();
    assert_eq!(client.users().get(&user("d")).send().await.unwrap_err().attempts(), 5);
    assert_eq!(client.users().get(&user("d")).retry(RetryPolicy::none()).send().await.unwrap_err().attempts(), 1);
    always.assert_calls_async(6).await;
}

#[tokio::test]
async fn the_retry_budget_limits_retries_during_an_outage() {
    let server = MockServer::start_async().await;
    let always = server
        .mock_async(|_, then| {
            then.status(503);
        })
        .await;
    let client = v2(&server);
    for _ in 0..300 {
        client.users().get(&user("d")).send().await.unwrap_err();
    }
    let calls = always.calls_async().await;
    assert!((300..=341).contains(&calls), "one retry per ten requests, and ten in reserve: {calls}");
}

#[tokio::test]
async fn a_raw_post_is_retried_only_if_marked_idempotent() {
    let server = MockServer::start_async().await;
    let always = server
        .mock_async(|_, then| {
            then.status(500);
        })
        .await;
    let client = v2(&server);
    client.request(http::Method::POST, &["x"]).bytes().send().await.unwrap_err();
    always.assert_calls_async(1).await;
    client.request(http::Method::POST, &["x"]).idempotent(true).bytes().send().await.unwrap_err();
    always.assert_calls_async(4).await;
}

#[tokio::test]
async fn a_user_creation_and_the_read_after_it_have_one_deadline_and_one_policy() {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder(emulator.api_key().clone()).base_url(emulator.url()).build().unwrap();
    emulator.faults().add(Fault::on(Operation::CreateUser).reset_after());
    emulator.faults().add(Fault::on(Operation::GetUser).always().status(503));
    let policy = no_backoff().max_attempts(2);
    let error = client.users().create(Role::Plus).id(user("d")).retry(policy).await.unwrap_err();
    // The conflict of the creation, which may have happened, and not the error of the read.
    assert_eq!(error.operation(), "create user");
    assert!(error.is_conflict() && error.outcome() == Outcome::Unknown, "{error}");
    assert_eq!(emulator.calls_of(Operation::GetUser), 2, "as often as the policy says");
}

#[tokio::test]
async fn ensure_returns_the_user_that_exists() {
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    for _ in 0..2 {
        assert_eq!(client.users().ensure(&user("d"), Role::Plus).await.unwrap().id, user("d"));
    }
    let existing = client.users().ensure(&user("d"), Role::Basic).await.unwrap();
    assert_eq!(existing.role, Some(Role::Plus), "an existing user is not changed");
    assert_eq!(emulator.users().len(), 1);
}
