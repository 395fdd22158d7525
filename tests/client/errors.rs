//! What callers learn when something goes wrong.

use bandyer_client::rooms::NewParticipant;
use bandyer_client::users::Role;
use bandyer_client::{Client, Error, ErrorKind, Outcome};
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
    assert_eq!(error.to_string(), "create room: the vendor responded with 422 (no_plus_user_in_room)");
}

#[tokio::test]
async fn predicates_look_at_the_code_as_well_as_the_status() {
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
async fn the_outcome_tells_whether_it_may_have_happened() {
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
async fn an_answer_that_cannot_be_read_names_the_place_and_not_the_value() {
    for (body, place) in [
        (r#"{"id": "r", "participants": [{"user_id": 7}]}"#, "participants[0]"),
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
async fn a_request_that_cannot_be_right_is_not_sent() {
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
async fn an_answer_beyond_the_limit_is_not_read() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).body("x".repeat(2000));
        })
        .await;
    let client = builder(&server.base_url()).max_answer_bytes(1000).build().unwrap();
    let error = client.users().get(&user("a")).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Decode, Outcome::Unknown));
    assert_eq!(
        error.to_string(),
        "get user: the vendor's response cannot be read: the response is larger than the limit"
    );
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = builder(&url).build().unwrap();
    let error = client.rooms().create(["a", "b"].map(|id| NewParticipant::new(user(id)))).send().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Connect, Outcome::NotSent, 3));
    assert!(error.is_retryable());
}
