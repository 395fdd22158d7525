//! Canary values must not appear in `Debug`, `Display` or the sources of errors.

use std::error::Error as StdError;
use std::fmt::Debug;

use bandyer_client::events::{Event, Verifier, parse};
use bandyer_client::rooms::NewParticipant;
use bandyer_client::signatures::{NewSignature, Signer};
use bandyer_client::user_details;
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
fn secrets_are_redacted_and_exposed_explicitly() {
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
async fn responses_show_no_link_token_or_description() {
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
    let broadcasts = v1.v1().broadcasts().list().send().await.unwrap();
    let list = client.rooms().uploads(&bandyer_client::RoomId::new("canary").unwrap());
    for text in [
        shown(&upload),
        shown(&messages.send().await.unwrap()),
        shown(&broadcasts),
        shown(&list),
        shown(&v1.v1().broadcasts().create(&user("d"), "canary")),
        shown(&v1.v1().chats().send_message(&[user("d"), user("p")], &user("d"), "canary")),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn configured_urls_show_only_their_host() {
    let emulator = bandyer_client::emulator::Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    let url = "https://me.example/canary?token=canary";
    let update = client.company().update().end_call_redirect(url).user_details_provider(url);
    let before = shown(&update);
    let company = update.send().await.unwrap();
    let event = bandyer_client::webhooks::WebhookEvent::RoomCreated;
    let version = bandyer_client::webhooks::WebhookVersion::V1;
    let webhook = client.webhooks().create(url, &event, version).send().await.unwrap();
    let v1 = emulator.client_for(bandyer_client::ApiVersion::V1).unwrap();
    let active = v1.v1().webhooks().active(version).send().await.unwrap();
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

#[test]
fn requests_show_no_personal_data() {
    let signer = Signer::new("canary@example.org", "+391234567", "canary", "canary").tax_code("canary");
    let document = File::new("canary.pdf", "application/pdf", "canary").unwrap();
    let room = bandyer_client::RoomId::new("r").unwrap();
    let signature = NewSignature::new("canary", room, document.clone()).client(user("p"), signer.clone());
    let client = Client::builder("canary").base_url("https://h").build().unwrap();
    let texts = [
        shown(&signer),
        shown(&signature),
        shown(&client.signatures().request(&signature)),
        shown(&client.users().set_avatar(&user("canary"), &document)),
        shown(&client.company().set_logo(&document)),
        shown(&client.company().update().name("canary").user_details_provider("canary")),
        shown(&client.company().create_encryption_key("canary")),
        shown(&client.v1().links().revoke(&LinkToken::from("canary"))),
        shown(&client.channels().send_message(&ChannelId::new("canary").unwrap(), &user("canary"), "canary")),
        shown(&client.recordings().download(&bandyer_client::SessionId::new("canary").unwrap())),
        shown(&user_details::UserDetails::new(user("canary")).display_name("canary").avatar("canary")),
        shown(&Verifier::new("canary").unwrap().also_accept("canary too").unwrap()),
        shown(&bandyer_client::emulator::Emulator::builder().api_key("canary")),
    ];
    for text in &texts {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn events_show_no_content() {
    let data = json!({"room_id": "canary", "roomAlias": "canary", "session_id": "canary", "user_id": "canary",
        "rating": 5, "message": "canary", "tag": "canary", "upload_key": "canary", "first_name": "canary", "email": "canary",
        "description": "canary", "initiator": "canary", "users": ["canary"], "participants": [{"user": "canary",
        "url": "https://h/canary"}], "deleted_links": [{"user_id": "canary", "link": "https://h/canary"}]});
    let message = json!({"id": "canary", "channel_id": "canary", "participants": ["canary"], "sender": "canary",
        "body": "canary", "attributes": "canary"});
    let broadcast = json!({"broadcast_id": "canary", "session_id": "canary", "user_id": "canary", "rating": 5,
        "message": "canary"});
    let events = [
        "call_incoming",
        "call_ended",
        "room_created",
        "room_disabled",
        "room_deleted",
        "room_new_feedback",
        "session_started",
        "session_resumed",
        "session_paused",
        "session_ended",
        "user_connected",
        "user_disconnected",
        "recording_available",
        "broadcast_recording_available",
        "broadcast_start",
        "broadcast_stop",
        "broadcast_pub_connected",
        "broadcast_pub_disconnected",
        "broadcast_sub_connected",
        "broadcast_sub_disconnected",
        "broadcast_new_feedback",
        "message_sent",
        "upload_tag_added",
        "upload_tag_removed",
        "something_new",
    ];
    for event in events {
        let data = match event {
            "message_sent" => &message,
            _ if event.starts_with("broadcast") => &broadcast,
            _ => &data,
        };
        let body = json!({"event": format!("on_{event}"), "data": data}).to_string();
        let read = parse(body.as_bytes()).unwrap();
        assert_eq!(matches!(read.event, Event::Unknown { .. }), event == "something_new", "{event}");
        assert!(!shown(&read.event).contains("canary"), "{event}");
        assert!(!shown(&read).contains("canary"), "{event}");
        let inside = match &read.event {
            Event::CallIncoming(of) => shown(of),
            Event::CallEnded(of) | Event::RoomDisabled(of) | Event::RoomDeleted(of) => shown(of) + &shown(&of.links),
            Event::RoomCreated(of) => shown(of),
            Event::RoomFeedback(of) => shown(of),
            Event::SessionStarted(of)
            | Event::SessionResumed(of)
            | Event::SessionPaused(of)
            | Event::SessionEnded(of) => shown(of),
            Event::UserConnected(of) | Event::UserDisconnected(of) => shown(of),
            Event::RecordingAvailable(of) => shown(of),
            Event::BroadcastRecordingAvailable(of) => shown(of),
            Event::BroadcastStarted(of) | Event::BroadcastStopped(of) => shown(of),
            Event::BroadcastPublisherConnected(of)
            | Event::BroadcastPublisherDisconnected(of)
            | Event::BroadcastSubscriberConnected(of)
            | Event::BroadcastSubscriberDisconnected(of) => shown(of),
            Event::BroadcastFeedback(of) => shown(of),
            Event::MessageSent(of) => shown(of),
            Event::UploadTagAdded(of) | Event::UploadTagRemoved(of) => shown(of),
            _ => String::new(),
        };
        assert!(!inside.contains("canary"), "{inside}");
    }
}

#[tokio::test]
async fn deliveries_and_downloads_show_no_path_or_query() {
    let emulator = bandyer_client::emulator::Emulator::builder().webhook_retries(1, std::time::Duration::ZERO);
    let emulator = emulator.start().await.unwrap();
    let client = emulator.client().unwrap();
    let event = bandyer_client::webhooks::WebhookEvent::RoomDeleted;
    let version = bandyer_client::webhooks::WebhookVersion::V1;
    let receiver = MockServer::start_async().await;
    receiver
        .mock_async(|_, then| {
            then.status(200).header("content-type", "text/plain").body("canary");
        })
        .await;
    client.webhooks().create(&receiver.url("/canary?canary"), &event, version).send().await.unwrap();
    let room = emulator.plant_room("x");
    client.rooms().delete(&room).send().await.unwrap();
    emulator.until_delivered("on_room_deleted", 1).await.unwrap();
    let texts = [shown(&emulator.deliveries()), shown(&emulator)];
    for text in &texts {
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(texts[0].contains("/[redacted]"), "{}", texts[0]);
    let file = Client::builder("canary").base_url(receiver.base_url()).build().unwrap();
    let file = file.request(http::Method::GET, &["canary"]).download().send().await.unwrap();
    assert!(!shown(&file).contains("canary"));
}
