//! Errors: their kind, outcome, predicates and messages.

use bandyer_client::rooms::NewParticipant;
use bandyer_client::users::Role;
use bandyer_client::{ApiError, Client, Error, ErrorKind, Operation, Outcome, RetryPolicy, RoomId};
use http::StatusCode;
use httpmock::MockServer;
use serde_json::json;

use crate::support::{builder, user, v2};

async fn error_of(status: u16, body: &str) -> Error {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(status).header("x-request-id", "id-7").body(body);
        })
        .await;
    v2(&server).rooms().create(["a", "b"].map(|id| NewParticipant::new(user(id)))).send().await.unwrap_err()
}

fn vendor(status: u16, code: &str) -> String {
    json!({"status": status, "name": "n", "code": code, "message": "m"}).to_string()
}

#[tokio::test]
async fn status_code_and_request_id_are_kept() {
    let error = error_of(422, &vendor(422, "no_plus_user_in_room")).await;
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Api, 422));
    assert_eq!((error.code(), error.request_id()), (Some("no_plus_user_in_room"), Some("id-7")));
    assert_eq!((error.operation(), error.attempts()), ("create room", 1));
    assert_eq!(error.api_error().unwrap().message.as_deref(), Some("m"));
    assert_eq!(
        error.to_string(),
        "create room: the vendor responded with 422 (n: no_plus_user_in_room), request id id-7"
    );
}

#[tokio::test]
async fn predicates_use_the_code_and_the_status() {
    type Predicate = fn(&Error) -> bool;
    let is: [(&str, Predicate); 4] = [
        ("not found", Error::is_not_found),
        ("conflict", Error::is_conflict),
        ("unauthorized", Error::is_unauthorized),
        ("rate limited", Error::is_rate_limited),
    ];
    for (status, code, meaning) in [
        (404, "room_not_found", "not found"),
        (410, "x", "not found"),
        (400, "invalid_user_id", "not found"),
        (409, "x", "conflict"),
        (400, "user_id_already_exists", "conflict"),
        (401, "invalid_api_key", "unauthorized"),
        (403, "x", "unauthorized"),
        (400, "invalid_api_key", "unauthorized"),
        (429, "x", "rate limited"),
        (400, "x", "none of them"),
        (422, "x", "none of them"),
    ] {
        let error = error_of(status, &vendor(status, code)).await;
        for (name, predicate) in is {
            assert_eq!(predicate(&error), name == meaning, "{status} {code} {name}");
        }
    }
}

#[tokio::test]
async fn the_outcome_depends_on_the_status() {
    for (status, outcome) in [
        (400, Outcome::Rejected),
        (401, Outcome::Rejected),
        (404, Outcome::Rejected),
        (422, Outcome::Rejected),
        (429, Outcome::Rejected),
        (408, Outcome::Unknown),
        (500, Outcome::Unknown),
        (502, Outcome::Unknown),
        (503, Outcome::Unknown),
        (302, Outcome::Unknown),
    ] {
        let error = error_of(status, "").await;
        assert_eq!(error.outcome(), outcome, "{status}");
        assert_eq!(error.is_retryable(), status == 429, "{status}");
    }
    assert_eq!(error_of(201, "no json").await.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn an_error_page_of_a_proxy_keeps_its_status() {
    let error = error_of(502, "<html>bad gateway</html>").await;
    assert_eq!((error.kind(), error.status().unwrap().as_u16(), error.code()), (ErrorKind::Api, 502, None));
    assert_eq!(error.api_error().unwrap().message.as_deref(), Some("<html>bad gateway</html>"));
    assert!(!error.to_string().contains("html"));
}

#[tokio::test]
async fn decode_errors_contain_the_path_and_not_the_value() {
    for (body, place) in [
        (r#"{"id": 7, "canary": "canary"}"#, "at `id`: a field is missing or of another type"),
        (r#"{"id": "r""#, "the JSON ends early"),
        ("canary", "this is no JSON"),
        ("", "the JSON ends early"),
        ("[]", "a field is missing or of another type"),
    ] {
        let error = error_of(201, body).await;
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Decode, 201));
        let text = error.to_string();
        assert!(text.contains(place) && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn an_invalid_request_is_not_sent() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            then.status(200);
        })
        .await;
    let client: Client = v2(&server);
    let one = || NewParticipant::new(user("a"));
    let day = std::time::Duration::from_secs(86_401);
    for error in [
        client.rooms().create([one()]).send().await.unwrap_err(),
        client.rooms().create([one(), one()]).send().await.unwrap_err(),
        client.users().create(Role::Plus).id(user("a|b")).send().await.unwrap_err(),
        client.users().create(Role::Plus).id(user(&"a".repeat(129))).send().await.unwrap_err(),
        client.credentials().issue(&user("a")).expires_in(day).send().await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::InvalidRequest, Outcome::NotSent, 0));
    }
    any.assert_calls_async(0).await;
}

#[tokio::test]
async fn a_response_above_the_size_limit_is_an_error() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).body("x".repeat(2000));
        })
        .await;
    let client = builder(&server.base_url()).max_response_bytes(1000).build().unwrap();
    let error = client.users().get(&user("a")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Decode, Outcome::ReadOnly));
    assert_eq!(
        error.to_string(),
        "get user: the vendor's response cannot be read: the response is larger than the limit"
    );
}

#[tokio::test]
async fn without_a_connection_the_outcome_is_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = builder(&url).build().unwrap();
    let error = client.rooms().create(["a", "b"].map(|id| NewParticipant::new(user(id)))).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Connect, Outcome::NotSent, 3));
    assert!(error.is_retryable());
    assert!(error.to_string().contains("onnection refused"), "{error}");
}

#[tokio::test]
async fn the_outcome_of_a_failed_read_is_never_unknown() {
    for (status, outcome) in [(503, Outcome::ReadOnly), (302, Outcome::ReadOnly), (404, Outcome::Rejected)] {
        let server = MockServer::start_async().await;
        server
            .mock_async(|_, then| {
                then.status(status);
            })
            .await;
        let error = v2(&server).users().get(&user("a")).await.unwrap_err();
        assert_eq!((error.outcome(), error.is_retryable()), (outcome, status == 503), "{error}");
    }
    // A GET with an effect is no read.
    let lost = Error::of_kind(Operation::FastCall, ErrorKind::Interrupted);
    assert_eq!((lost.outcome(), lost.is_retryable()), (Outcome::Unknown, false));
}

#[tokio::test]
async fn errors_made_for_tests_are_equal_to_those_of_requests() {
    // All but the text, which says why a real request was not repeated.
    let facts = |error: &Error| {
        (
            (error.kind(), error.outcome(), error.operation(), error.status(), error.attempts()),
            (error.is_not_found(), error.is_conflict(), error.is_retryable(), error.code().map(str::to_owned)),
        )
    };
    for (status, code) in [(404, "room_not_found"), (400, "user_id_already_exists"), (429, "x"), (503, "x")] {
        let server = MockServer::start_async().await;
        let body = json!({"code": code});
        server
            .mock_async(|_, then| {
                then.status(status).json_body(body);
            })
            .await;
        let client = builder(&server.base_url()).retry(RetryPolicy::none()).build().unwrap();
        let room = RoomId::new("r").unwrap();
        let made =
            |operation| Error::of_response(operation, StatusCode::from_u16(status).unwrap(), ApiError::with_code(code));
        let real = client.rooms().create([user("a"), user("b")]).await.unwrap_err();
        let read = client.rooms().get(&room).await.unwrap_err();
        assert_eq!(facts(&made(Operation::GetRoom)), facts(&read));
        assert_eq!(facts(&made(Operation::CreateRoom)), facts(&real));
    }
    let wait = std::time::Duration::from_secs(7);
    let limited = Error::of_response(Operation::GetRoom, StatusCode::TOO_MANY_REQUESTS, ApiError::with_code("x"));
    assert_eq!(limited.with_retry_after(wait).retry_after(), Some(wait));
    let invalid = Error::of_kind(Operation::CreateRoom, ErrorKind::InvalidRequest);
    assert_eq!((invalid.outcome(), invalid.attempts()), (Outcome::NotSent, 0));
}
