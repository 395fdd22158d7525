//! What is sent, and how answers are read: every operation of both generations.

use std::time::Duration;

use bandyer_client::rooms::{CallType, NewParticipant, Recording, Tools};
use bandyer_client::users::{Language, Role};
use bandyer_client::{ApiVersion, ErrorKind};
use futures_util::TryStreamExt;
use http::Method;
use httpmock::{Mock, MockServer};
use serde_json::{Value, json};

use crate::support::{KEY, builder, client_of, room, user, v2};

/// Expects exactly this request, key included, and answers it.
async fn expect<'a>(server: &'a MockServer, method: &str, path: &str, body: Option<Value>, answer: Value) -> Mock<'a> {
    server
        .mock_async(|when, then| {
            let when = when.method(method).path(path).header("apikey", KEY).header("accept", "application/json");
            if let Some(body) = body {
                when.header("content-type", "application/json").json_body(body);
            } else {
                when.header_missing("content-type");
            }
            then.status(200).json_body(answer);
        })
        .await
}

macro_rules! sends {
    ($name:ident, $version:ident, $method:literal $path:literal $(, $body:expr)?; $answer:expr; |$client:ident| $call:expr) => {
        #[tokio::test]
        async fn $name() {
            let server = MockServer::start_async().await;
            let body: Option<Value> = None $(.or(Some($body)))?;
            let expected = expect(&server, $method, $path, body, $answer).await;
            let $client = client_of(&server, ApiVersion::$version);
            $call.await.unwrap();
            expected.assert_calls_async(1).await;
        }
    };
}

fn v1_user() -> Value {
    json!({"user": {"id": "d"}, "id": "d"})
}

fn v1_room() -> Value {
    json!({"room": {"room_id": "r"}})
}

sends!(v1_create_user, V1, "POST" "/rest/user/create",
    json!({"id": "d", "role": "plus", "language": "it", "can_video": false}); v1_user();
    |client| client.users().create(Role::Plus).id(user("d")).language(Language::Italian).camera(false).send());
sends!(v1_get_user, V1, "GET" "/rest/user/list/d"; v1_user(); |client| client.users().get(&user("d")).send());
sends!(v1_list_users, V1, "GET" "/rest/user/list"; json!({"user_id_list": []}); |client| client.users().list().send());
sends!(v1_update_user, V1, "PUT" "/rest/user/update/d", json!({"role": "basic"}); v1_user();
    |client| client.users().update(&user("d")).role(Role::Basic).send());
sends!(v1_delete_user, V1, "DELETE" "/rest/user/delete/d"; json!({"id": "d", "message": "user deleted"});
    |client| client.users().delete(&user("d")).send());
sends!(v1_create_room, V1, "POST" "/rest/room/create",
    json!({"participants": [{"user_id": "d", "is_admin": true}, {"user_id": "p", "is_admin": false}],
           "recording": true, "recording_type": "manual", "call_type": "audio_only", "live": true,
           "duration": 90, "description": "x"}); v1_room();
    |client| client.rooms().create([NewParticipant::new(user("d")).admin(true), NewParticipant::new(user("p"))])
        .recording(Recording::Manual).call_type(CallType::AudioOnly).live(true)
        .max_duration(Duration::from_secs(90)).description("x").send());
sends!(v1_get_room, V1, "GET" "/rest/room/info/r"; v1_room(); |client| client.rooms().get(&room("r")).send());
sends!(v1_list_rooms, V1, "GET" "/rest/room/list"; json!({"rooms": []}); |client| client.rooms().list().send());
sends!(v1_disable_room, V1, "PUT" "/rest/room/disable/r"; v1_room(); |client| client.rooms().disable(&room("r")).send());
sends!(v1_delete_room, V1, "DELETE" "/rest/room/delete/r"; v1_room(); |client| client.rooms().delete(&room("r")).send());
sends!(v1_issue_credential, V1, "POST" "/rest/sdk/credentials", json!({"user_id": "d", "expires_in": 360});
    json!({"access_token": "t", "expires_at": "2024-03-05T10:12:30.000Z", "user_id": "d"});
    |client| client.credentials().issue(&user("d")).expires_in(Duration::from_secs(360)).send());

sends!(v2_create_user, V2, "POST" "/v2/users", json!({"role": "basic", "allow_camera": true}); json!({"id": "d"});
    |client| client.users().create(Role::Basic).camera(true).send());
sends!(v2_get_user, V2, "GET" "/v2/users/d"; json!({"id": "d"}); |client| client.users().get(&user("d")).send());
sends!(v2_list_users, V2, "GET" "/v2/users"; json!({"users": []}); |client| client.users().list().send());
sends!(v2_update_user, V2, "PUT" "/v2/users/d", json!({"active": false, "language": "de"}); json!({"id": "d"});
    |client| client.users().update(&user("d")).active(false).language(Language::German).send());
sends!(v2_delete_user, V2, "DELETE" "/v2/users/d"; json!({}); |client| client.users().delete(&user("d")).send());
sends!(v2_create_room, V2, "POST" "/v2/rooms",
    json!({"participants": [
        {"user_id": "d", "is_admin": true},
        {"user_id": "p", "is_admin": false, "tools": {"chat": true, "screen_sharing": false, "file_upload": false,
         "whiteboard": false, "snapshot": false, "live_edit": false, "live_pointer": false,
         "present_to_everyone": false}}], "recording": "none"}); json!({"id": "r"});
    |client| client.rooms().create([NewParticipant::new(user("d")).admin(true),
        NewParticipant::new(user("p")).tools(Tools::none().chat(true))]).recording(Recording::Off).send());
sends!(v2_get_room, V2, "GET" "/v2/rooms/r"; json!({"id": "r"}); |client| client.rooms().get(&room("r")).send());
sends!(v2_list_rooms, V2, "GET" "/v2/rooms"; json!({"rooms": []}); |client| client.rooms().list().send());
sends!(v2_disable_room, V2, "PUT" "/v2/rooms/r/disable"; json!({}); |client| client.rooms().disable(&room("r")).send());
sends!(v2_delete_room, V2, "DELETE" "/v2/rooms/r"; json!({}); |client| client.rooms().delete(&room("r")).send());
sends!(v2_issue_credential, V2, "POST" "/v2/sdk/credentials", json!({"user_id": "d"});
    json!({"access_token": "t", "expires_at": "2024-03-05T10:12:30.000Z", "user_id": "d"});
    |client| client.credentials().issue(&user("d")).send());

sends!(v2_list_participants, V2, "GET" "/v2/rooms/r/participants"; json!({"participants": [{"user_id": "d"}]});
    |client| client.rooms().participants(&room("r")).list().send());
sends!(v2_add_participant, V2, "POST" "/v2/rooms/r/participants", json!({"user_id": "q", "is_admin": true}); json!({"user_id": "q"});
    |client| client.rooms().participants(&room("r")).add(NewParticipant::new(user("q")).admin(true)).send());
sends!(v2_get_participant, V2, "GET" "/v2/rooms/r/participants/d"; json!({"user_id": "d", "url": "https://h/x"});
    |client| client.rooms().participants(&room("r")).get(&user("d")).send());
sends!(v2_update_participant, V2, "PUT" "/v2/rooms/r/participants/d", json!({"is_admin": false}); json!({"user_id": "d"});
    |client| client.rooms().participants(&room("r")).update(&user("d")).admin(false).send());
sends!(v2_remove_participant, V2, "DELETE" "/v2/rooms/r/participants/d"; json!({});
    |client| client.rooms().participants(&room("r")).remove(&user("d")).send());
sends!(v2_start_recording, V2, "POST" "/v2/rooms/r/start-recording"; json!({});
    |client| client.rooms().start_recording(&room("r")).send());
sends!(v2_stop_recording, V2, "POST" "/v2/rooms/r/stop-recording"; json!({});
    |client| client.rooms().stop_recording(&room("r")).send());
sends!(v2_ring_room, V2, "POST" "/v2/rooms/r/call"; json!({}); |client| client.rooms().ring(&room("r")).send());

#[tokio::test]
async fn what_a_generation_lacks_fails_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            then.status(200);
        })
        .await;
    let error = client_of(&server, ApiVersion::V1).users().update(&user("d")).active(true).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "update user: not offered by this generation of the API: v1 cannot change `active`");
    let client = client_of(&server, ApiVersion::V1);
    let people = client.rooms().participants(&room("r"));
    for error in [
        people.clone().list().send().await.unwrap_err(),
        people.add(NewParticipant::new(user("d"))).send().await.unwrap_err(),
        people.get(&user("d")).send().await.unwrap_err(),
        people.clone().update(&user("d")).admin(true).send().await.unwrap_err(),
        people.remove(&user("d")).send().await.unwrap_err(),
        client.rooms().start_recording(&room("r")).send().await.unwrap_err(),
        client.rooms().stop_recording(&room("r")).send().await.unwrap_err(),
        client.rooms().ring(&room("r")).send().await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unsupported, 0), "{error}");
        assert!(error.to_string().ends_with("v1 has no such operation"), "{error}");
    }
    any.assert_calls_async(0).await;
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
async fn an_id_stays_in_its_segment_or_is_refused() {
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
    for id in [".", ".."] {
        let error = client.users().get(&user(id)).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    any.assert_calls_async(11).await;
}

#[tokio::test]
async fn a_page_is_asked_for_by_offset_and_size() {
    for (version, path, offset, id) in
        [(ApiVersion::V1, "/rest/room/list", "skip", "room_id"), (ApiVersion::V2, "/v2/rooms", "offset", "id")]
    {
        let server = MockServer::start_async().await;
        let asked = server
            .mock_async(|when, then| {
                when.method("GET").path(path).query_param(offset, "40").query_param("limit", "10");
                then.status(200).json_body(json!({"rooms": [{id: "r"}], offset: 40, "has_more": true}));
            })
            .await;
        let page = client_of(&server, version).rooms().list().offset(40).page_size(10).send().await.unwrap();
        assert_eq!((page.offset, page.has_more, page.next_offset()), (40, true, Some(41)));
        asked.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn a_stream_walks_all_pages_and_passes_over_an_empty_one() {
    let server = MockServer::start_async().await;
    let page = |offset: &'static str, users: Value, more: bool| {
        let server = &server;
        async move {
            server
                .mock_async(move |when, then| {
                    let when = when.method("GET").path("/v2/users");
                    if offset == "0" {
                        when.query_param_missing("offset")
                    } else {
                        when.query_param("offset", offset)
                    };
                    then.status(200).json_body(json!({"users": users, "has_more": more}));
                })
                .await;
        }
    };
    page("0", json!([{"id": "a"}, {"id": "b"}]), true).await;
    page("2", json!([]), true).await;
    page("3", json!([{"id": "c"}]), false).await;
    let users: Vec<_> = v2(&server).users().list().into_stream().try_collect().await.unwrap();
    assert_eq!(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_list_that_never_ends_and_never_gives_is_an_error() {
    let server = MockServer::start_async().await;
    let pages = server
        .mock_async(|when, then| {
            when.path("/v2/rooms");
            then.status(200).json_body(json!({"rooms": [], "has_more": true}));
        })
        .await;
    let error = v2(&server).rooms().list().into_stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(pages.calls_async().await < 20);
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
    let answer = v2(&server)
        .request(Method::POST, &["tags", "a/b"])
        .query("x", "1 &")
        .header("x-extra".parse().unwrap(), "e".parse().unwrap())
        .json(&json!({"tag": "t"}))
        .decode::<Value>()
        .send_with_response()
        .await
        .unwrap();
    assert_eq!((answer.status().as_u16(), answer.attempts(), answer.request_id()), (201, 1, Some("id-1")));
    assert_eq!(answer.into_body(), json!({"ok": true}));
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
async fn an_injected_http_client_is_used_and_named_agents_are_told() {
    let server = MockServer::start_async().await;
    let expected = server
        .mock_async(|when, then| {
            when.header("x-mine", "yes")
                .header("user-agent", concat!("bandyer-client/", env!("CARGO_PKG_VERSION"), " portal/2"));
            then.status(200).json_body(json!({"id": "d"}));
        })
        .await;
    let mine = [("x-mine".parse().unwrap(), "yes".parse().unwrap())].into_iter().collect();
    let http = reqwest::Client::builder().default_headers(mine).build().unwrap();
    let client = builder(&server.base_url()).http_client(http).user_agent_suffix("portal/2").build().unwrap();
    client.users().get(&user("d")).send().await.unwrap();
    expected.assert_calls_async(1).await;
}

#[tokio::test]
async fn a_deletion_needs_no_body_in_its_answer() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.method("DELETE");
            then.status(204);
        })
        .await;
    v2(&server).rooms().delete(&room("r")).send().await.unwrap();
}
