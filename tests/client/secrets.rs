//! Planted canaries must be in no `Debug`, `Display` or source of anything.

use std::error::Error as StdError;
use std::fmt::Debug;

use bandyer_client::rooms::NewParticipant;
use bandyer_client::{AccessToken, ApiKey, ChannelId, Client, File, FileUrl, JoinUrl, LinkToken, UploadKey};
use httpmock::MockServer;
use serde_json::json;

use crate::support::{RawServer, Then, user};

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("{error} {error:?} "));
        next = error.source();
    }
    text
}

#[test]
fn secrets_show_nothing_and_open_by_one_word() {
    let texts = [
        shown(&ApiKey::from("canary")),
        shown(&AccessToken::from("canary")),
        shown(&JoinUrl::from("canary")),
        shown(&FileUrl::from("canary")),
        shown(&LinkToken::from("canary")),
        shown(&File::new("canary", "text/plain", "canary").unwrap()),
        shown(&Client::builder("canary").base_url("https://h")),
        shown(&Client::builder("canary").base_url("https://h").build().unwrap()),
    ];
    assert!(texts.iter().all(|text| !text.contains("canary")), "{texts:?}");
    assert_eq!(JoinUrl::from("canary").expose(), "canary");
}

#[tokio::test]
async fn answers_show_no_link_token_or_description() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.path("/v2/rooms/r");
            then.status(200).header("set-cookie", "canary").json_body(json!({"id": "r", "description": "canary",
            "participants": [{"user_id": "d", "url": "https://h/canary"}]}));
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/v2/sdk/credentials");
            then.status(201)
                .json_body(json!({"access_token": "canary", "expires_at": "2026-01-01T00:00:00.000Z", "user_id": "d"}));
        })
        .await;
    let client = Client::builder("canary").base_url(server.base_url()).build().unwrap();
    let id = bandyer_client::RoomId::new("r").unwrap();
    let room = client.rooms().get(&id).send_with_response().await.unwrap();
    let credential = client.credentials().issue(&user("d")).send().await.unwrap();
    let request = client.rooms().create([NewParticipant::new(user("d"))]).description("canary");
    for text in [
        shown(&room),
        shown(&credential),
        shown(&request),
        shown(&client.request(http::Method::GET, &["canary"]).query("canary", "canary")),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
    assert_eq!(room.body().description.as_ref().unwrap().as_str(), "canary");
}

#[tokio::test]
async fn messages_files_and_broadcasts_show_no_content() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.path("/v2/uploads/k");
            then.status(200).json_body(json!({"url": "https://h/canary", "upload_type": "generic"}));
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/v2/channels/c/messages");
            then.status(200).json_body(json!({"messages": [{"body": "canary", "from": "d"}]}));
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/rest/broadcast/list");
            then.status(200).json_body(json!({"broadcasts": [{"id": "b", "description": "canary"}]}));
        })
        .await;
    let client = Client::builder("canary").base_url(server.base_url()).build().unwrap();
    let v1 = Client::builder("canary").base_url(server.url("/rest")).build().unwrap();
    let upload = client.uploads().get(&UploadKey::new("k").unwrap()).send().await.unwrap();
    let messages = client.channels().messages(&ChannelId::new("c").unwrap());
    let broadcasts = v1.broadcasts().list().send().await.unwrap();
    let list = client.rooms().uploads(&bandyer_client::RoomId::new("canary").unwrap());
    for text in [
        shown(&upload),
        shown(&messages.send().await.unwrap()),
        shown(&broadcasts),
        shown(&list),
        shown(&v1.broadcasts().create(&user("d"), "canary")),
        shown(&v1.chats().send_message(&[user("d"), user("p")], &user("d"), "canary")),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn callback_addresses_show_their_host_alone() {
    let emulator = bandyer_client::emulator::Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    let url = "https://me.example/canary?token=canary";
    let update = client.company().update().end_call_redirect(url).user_details_provider(url);
    let before = shown(&update);
    let company = update.send().await.unwrap();
    let event = bandyer_client::webhook_settings::WebhookEvent::RoomCreated;
    let version = bandyer_client::webhook_settings::WebhookVersion::V1;
    let webhook = client.webhooks().create(url, &event, version).send().await.unwrap();
    let v1 = emulator.client_for(bandyer_client::ApiVersion::V1).unwrap();
    let active = v1.webhooks().active(version).send().await.unwrap();
    emulator.plant_room("x");
    let link = emulator.rooms()[0].participants[0].link.token().unwrap();
    let texts = [
        before,
        shown(&company),
        shown(&webhook),
        shown(&active),
        shown(&client.webhooks().update(&webhook.id).url(url)),
        shown(&Client::builder("k").base_url("https://user:canary@h/?t=canary")),
        shown(&emulator.rooms()).replace(link.expose(), "canary"),
    ];
    for text in &texts {
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(texts[1].contains("https://me.example/[redacted]"), "{}", texts[1]);
}

#[tokio::test]
async fn errors_show_no_key_query_or_body() {
    let refusing = MockServer::start_async().await;
    refusing
        .mock_async(|_, then| {
            then.status(422)
                .json_body(json!({"code": "a canary sentence", "message": "canary", "name": "canary name"}));
        })
        .await;
    let garbage = MockServer::start_async().await;
    garbage
        .mock_async(|_, then| {
            then.status(200).body(r#"{"canary": "canary"}"#);
        })
        .await;
    let raw = RawServer::start(&[Then::Send("HTTP/1.1 canary\r\n\r\n"), Then::Send(""), Then::Stall]).await;
    for url in [refusing.base_url(), garbage.base_url(), format!("http://{}", raw.address), "http://127.0.0.1:1".into()]
    {
        let client = Client::builder("canary-key").base_url(url).build().unwrap();
        let patience = std::time::Duration::from_millis(200);
        let raw = client
            .request(http::Method::GET, &["x"])
            .query("q", "canary")
            .decode::<Vec<u8>>()
            .attempt_timeout(patience);
        let typed = client.users().get(&user("canary-id")).attempt_timeout(patience);
        for error in [raw.send().await.unwrap_err(), typed.send().await.unwrap_err()] {
            assert!(!chain(&error).contains("canary"), "{}", chain(&error));
        }
    }
}
