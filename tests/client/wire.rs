//! URLs, headers and lenient parsing; the requests of each operation are in `operations.rs`.

use bandyer_client::rooms::NewParticipant;
use bandyer_client::{ApiVersion, ErrorKind};
use http::Method;
use httpmock::{Mock, MockServer};
use serde_json::{Value, json};

use crate::support::{KEY, builder, client_of, room, user, v2};

/// Expects exactly this request, including the API key, and responds to it.
async fn expect<'a>(
    server: &'a MockServer,
    method: &str,
    path: &str,
    body: Option<Value>,
    response: Value,
) -> Mock<'a> {
    server
        .mock_async(|when, then| {
            let when = when.method(method).path(path).header("apikey", KEY).header("accept", "application/json");
            if let Some(body) = body {
                when.header("content-type", "application/json").json_body(body);
            } else {
                when.header_missing("content-type");
            }
            then.status(200).json_body(response);
        })
        .await
}

#[tokio::test]
async fn the_base_url_may_have_a_prefix_and_a_slash() {
    let server = MockServer::start_async().await;
    for (base, path) in [("/v2/", "/v2/users/d"), ("/proxy/v2", "/proxy/v2/users/d"), ("/proxy", "/proxy/v2/users/d")] {
        let expected = expect(&server, "GET", path, None, json!({"id": "d"})).await;
        let client = builder(&server.url(base)).build().unwrap();
        client.users().get(&user("d")).send().await.unwrap();
        expected.assert_calls_async(1).await;
        expected.delete_async().await;
    }
}

#[tokio::test]
async fn an_id_stays_in_its_path_segment_or_is_rejected() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|when, then| {
            when.is_true(|request| {
                let path = request.uri().path().to_owned();
                path.starts_with("/v2/users/") && path.split('/').count() == 4
            });
            then.status(200).json_body(json!({"id": "d"}));
        })
        .await;
    let client = v2(&server);
    for id in ["a/b", "a%2fb", "a b", "a?b", "a#b", "../x", "über", "a|b", "a\\b", "%2e%2e", "a;b"] {
        client.users().get(&user(id)).send().await.unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    any.assert_calls_async(11).await;
    for id in ["", ".", ".."] {
        let error = client.request(http::Method::GET, &["users", id]).bytes().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    any.assert_calls_async(11).await;
}

#[tokio::test]
async fn the_raw_request_has_the_same_key_and_prefix() {
    let server = MockServer::start_async().await;
    let tags = server
        .mock_async(|when, then| {
            when.method("POST")
                .path("/v2/tags/a%2Fb")
                .query_param("x", "1 &")
                .header("apikey", KEY)
                .header("x-extra", "e")
                .json_body(json!({"tag": "t"}));
            then.status(201).header("x-request-id", "id-1").json_body(json!({"ok": true}));
        })
        .await;
    let response = v2(&server)
        .request(Method::POST, &["tags", "a/b"])
        .query("x", "1 &")
        .header("x-extra".parse().unwrap(), "e".parse().unwrap())
        .json(&json!({"tag": "t"}))
        .decode::<Value>()
        .send_with_response()
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), response.attempts(), response.request_id()), (201, 1, Some("id-1")));
    assert_eq!(response.into_body(), json!({"ok": true}));
    tags.assert_calls_async(1).await;
}

#[tokio::test]
async fn the_raw_request_cannot_replace_the_key() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            then.status(200);
        })
        .await;
    let client = v2(&server);
    let request = client.request(Method::GET, &["tags"]).header("apikey".parse().unwrap(), "other".parse().unwrap());
    assert_eq!(request.bytes().send().await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    any.assert_calls_async(0).await;
}

#[tokio::test]
async fn a_custom_http_client_and_user_agent_suffix_are_used() {
    let server = MockServer::start_async().await;
    let expected = server
        .mock_async(|when, then| {
            when.header("x-mine", "yes")
                .header("user-agent", concat!("bandyer-client/", env!("CARGO_PKG_VERSION"), " portal/2"));
            then.status(200).json_body(json!({"id": "d"}));
        })
        .await;
    let mine = [("x-mine".parse().unwrap(), "yes".parse().unwrap())].into_iter().collect();
    let http = reqwest::Client::builder().default_headers(mine);
    let client = builder(&server.base_url()).http_client(http).user_agent_suffix("portal/2").build().unwrap();
    client.users().get(&user("d")).send().await.unwrap();
    expected.assert_calls_async(1).await;
}

#[tokio::test]
async fn a_deletion_accepts_a_response_without_a_body() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.method("DELETE");
            then.status(204);
        })
        .await;
    v2(&server).rooms().delete(&room("r")).send().await.unwrap();
}

#[tokio::test]
async fn an_update_accepts_a_response_without_content() {
    for response in ["", "null", r#"{"message": "ok"}"#] {
        let server = MockServer::start_async().await;
        server
            .mock_async(|_, then| {
                then.status(200).body(response);
            })
            .await;
        let client = v2(&server);
        assert_eq!(client.users().update(&user("d")).active(false).send().await.unwrap().id, "d");
        let people = client.rooms().participants(&room("r"));
        assert_eq!(people.update(&user("d")).admin(true).send().await.unwrap().user_id, "d");
        client.company().update().name("x").send().await.unwrap();
        client.company().update_theme().reset_dark().send().await.unwrap();
        client.company().update_recording_settings(true).send().await.unwrap();
        let webhook = bandyer_client::WebhookId::new("w").unwrap();
        assert_eq!(
            client.webhooks().update(&webhook).url("https://me").send().await.unwrap().url.unwrap(),
            "https://me"
        );
    }
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).body("<html>");
        })
        .await;
    let error = v2(&server).users().update(&user("d")).active(false).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_created_room_is_parsed_despite_unexpected_fields() {
    let v1 = [
        json!({"room": {"room_id": "r", "user_urls": null, "status": 7, "call_type": []}}),
        json!({"room": {"room_id": "r", "id": "r", "record": 1, "recording": true, "recording_type": {}}}),
        json!({"room": {"room_id": "r", "creationDate": "x", "creation_date": "y",
            "user_urls": [{"user": "d", "user_id": "d", "url": "u", "tools": {"whiteboard": null, "chat": 1}}]}}),
    ];
    let v2 = [
        json!({"id": "r", "participants": null, "recording": false}),
        json!({"id": "r", "room_id": "r", "recording": true, "status": 7, "call_type": []}),
        json!({"room_id": "r", "participants": [{"user_id": "d", "user": "d", "id": 1, "url": "u", "link": "u"}]}),
        json!({"id": "r", "participants": [{"user_id": "d", "tools": {"whiteboard": null, "chat": 1}}]}),
    ];
    let responses =
        v1.map(|response| (ApiVersion::V1, response)).into_iter().chain(v2.map(|response| (ApiVersion::V2, response)));
    for (version, response) in responses {
        let server = MockServer::start_async().await;
        let body = response.clone();
        server
            .mock_async(|_, then| {
                then.status(201).json_body(body);
            })
            .await;
        let people = ["d", "p"].map(|id| NewParticipant::new(user(id)));
        let made = client_of(&server, version).rooms().create(people).send().await;
        assert_eq!(made.unwrap_or_else(|error| panic!("{response}: {error}")).id, "r");
    }
}

#[tokio::test]
async fn a_custom_accept_header_replaces_the_default() {
    let server = MockServer::start_async().await;
    let requested = server
        .mock_async(|when, then| {
            when.header("accept", "text/csv").header_not("accept", "application/json");
            then.status(200).body("a,b");
        })
        .await;
    let accept = http::HeaderValue::from_static("text/csv");
    let client = v2(&server);
    let request = client.request(Method::GET, &["x"]).header(http::header::ACCEPT, accept).bytes();
    assert_eq!(request.send().await.unwrap(), "a,b");
    requested.assert_calls_async(1).await;
}
