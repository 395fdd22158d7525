//! Complete responses from the vendor's documentation, and the parsed fields.

use std::time::Duration;

use bandyer_client::activity::ActivityKind;
use bandyer_client::rooms::CallType;
use bandyer_client::uploads::UploadKind;
use bandyer_client::users::Language;
use bandyer_client::{ApiVersion, BroadcastId, Client, SessionId, UploadKey};
use httpmock::MockServer;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{client_of, room, user};

const DATE: &str = "2024-03-05T09:12:30.000Z";

fn date() -> Option<Timestamp> {
    Some(DATE.parse().unwrap())
}

/// A client of a server that returns this response to every request.
async fn client_with_response(version: ApiVersion, response: Value) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).json_body(response);
        })
        .await;
    let client = client_of(&server, version);
    (server, client)
}

#[tokio::test]
async fn the_company_is_parsed_in_full() {
    let company = json!({
        "name": "Ospedale", "default_language": "it", "end_call_redirect_url": "https://me/bye",
        "default_background": {"background_alias": "b1", "url": "https://s/b.jpg", "creation_date": "2024-03-05T09:12:30.000"},
        "end_call_redirect_timeout_ms": 1500, "user_details_provider_url": "https://me/who",
        "logos": {"light_url": "https://s/l.png", "dark_url": null},
    });
    for (version, response) in [(ApiVersion::V1, json!({"company": company})), (ApiVersion::V2, company.clone())] {
        let (_server, client) = client_with_response(version, response).await;
        let read = client.company().get().send().await.unwrap();
        assert_eq!((read.name.as_deref(), read.default_language), (Some("Ospedale"), Some(Language::Italian)));
        let background = read.default_background.unwrap();
        assert_eq!((background.alias.as_str(), background.created_at), ("b1", date()));
        assert_eq!(read.end_call_redirect_url.as_deref(), Some("https://me/bye"));
        assert_eq!(read.end_call_redirect_delay, Some(Duration::from_millis(1500)));
        assert_eq!(read.user_details_provider_url.as_deref(), Some("https://me/who"));
        let logos = read.logos.unwrap();
        assert_eq!((logos.light_url.as_deref(), logos.dark_url), (Some("https://s/l.png"), None));
    }
}

#[tokio::test]
async fn sessions_and_connections_are_parsed_in_full() {
    let item = json!({"session_id": "s", "creation_date": DATE, "duration": 1650, "connected_participants": ["d", "p"],
        "room_id": null, "broadcast_id": "bro_1"});
    let (_server, client) = client_with_response(ApiVersion::V1, item).await;
    let read = client.sessions().get(&SessionId::new("s").unwrap()).send().await.unwrap();
    assert_eq!((read.id.as_str(), read.created_at, read.duration), ("s", date(), Some(Duration::from_secs(1650))));
    assert_eq!((read.room_id, read.broadcast_id), (None, BroadcastId::new("bro_1").ok()));
    assert_eq!(read.participants, [user("d"), user("p")]);

    let events = json!({"skip": 0, "limit": 20, "has_more": false, "count": 1, "session_id": "s",
        "connection_events": [{"user_id": "d", "timestamp": DATE, "event": "user_crashed"}]});
    let (_server, client) = client_with_response(ApiVersion::V1, events).await;
    let event = client.sessions().connections(&SessionId::new("s").unwrap()).send().await.unwrap().items.remove(0);
    assert_eq!((event.user_id.as_str(), event.change.as_str(), event.at), ("d", "user_crashed", date()));
}

#[tokio::test]
async fn uploads_are_parsed_in_full() {
    let single = json!({"url": "https://s/f", "upload_type": "snapshot", "user_id": "d", "creation_date": DATE,
        "session_id": "s", "room_id": "r"});
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let (_server, client) = client_with_response(version, single.clone()).await;
        let read = client.uploads().get(&UploadKey::new("a/b").unwrap()).send().await.unwrap();
        assert_eq!((read.key.as_str(), read.kind, read.created_at), ("a/b", Some(UploadKind::Snapshot), date()));
        assert_eq!((read.user_id, read.session_id), (Some(user("d")), SessionId::new("s").ok()));
        assert_eq!((read.room_id, read.url.unwrap().expose()), (Some(room("r")), "https://s/f"));
    }
}

#[tokio::test]
async fn chats_and_messages_are_parsed_in_full() {
    let message = json!({"message_id": "IM1", "index": 3, "body": "hello", "from": "p", "date": DATE, "type": "text"});
    let chats = json!({"user_id": "d", "chat_list": [{"users": ["d", "p"], "channel_id": "CH1",
        "unread_messages_count": 4, "last_message": message}, {"users": ["d", "q"], "last_message": null}]});
    let (_server, client) = client_with_response(ApiVersion::V1, chats).await;
    let read = client.v1().users().chats(&user("d")).send().await.unwrap();
    assert_eq!(
        (read[0].users.len(), read[0].channel_id.as_ref().unwrap().as_str(), read[0].unread),
        (2, "CH1", Some(4))
    );
    let last = read[0].last_message.as_ref().unwrap();
    assert_eq!((last.id.as_deref(), last.index, last.text.as_str()), (Some("IM1"), Some(3), "hello"));
    assert_eq!((last.sender.as_ref(), last.sent_at), (Some(&user("p")), date()));
    assert!(read[1].last_message.is_none());

    let sent = json!({"users": ["d", "p"], "sender": "d", "index": 0, "message": "hello", "timestamp": DATE});
    let (_server, client) = client_with_response(ApiVersion::V1, sent).await;
    let sent = client.v1().chats().send_message(&[user("d"), user("p")], &user("d"), "hello").send().await.unwrap();
    assert_eq!((sent.text.as_str(), sent.sender, sent.sent_at), ("hello", Some(user("d")), date()));
}

#[tokio::test]
async fn broadcasts_and_activities_are_parsed_in_full() {
    let broadcast = json!({"broadcast": {"id": "bro_1", "status": "x", "record": "1", "chat": true, "description": "y",
        "creationDate": DATE, "publisher": {"id": "d", "firstName": "", "lastName": "", "email": ""},
        "panelists": [{"user_id": "p"}], "dialInfo": {"numberOfSessions": 0}}});
    let (_server, client) = client_with_response(ApiVersion::V1, broadcast).await;
    let read = client.v1().broadcasts().get(&BroadcastId::new("bro_1").unwrap()).send().await.unwrap();
    assert_eq!((read.status.as_deref(), read.recording, read.chat), (Some("x"), Some(true), Some(true)));
    assert_eq!((read.publisher, read.panelists, read.created_at), (Some(user("d")), vec![user("p")], date()));

    let activities = json!({"activities": [{"activity_type": "user_start_call", "creation_date": DATE, "user_alias": "d",
        "room": {"room_alias": "r", "recording": "false", "users": ["d", "p"], "initiator": "d", "call_type": "audio_only"}}]});
    let (_server, client) = client_with_response(ApiVersion::V1, activities).await;
    let read = client.v1().activity().list().send().await.unwrap().items.remove(0);
    assert_eq!((read.kind, read.user_id, read.at), (ActivityKind::StartedCall, user("d"), date()));
    let place = read.room.unwrap();
    assert_eq!((place.id, place.recording, place.users.len()), (room("r"), Some(false), 2));
    assert_eq!((place.initiator, place.call_type), (Some(user("d")), Some(CallType::AudioOnly)));
}

#[tokio::test]
async fn settings_keys_tags_and_webhooks_are_parsed_in_full() {
    let settings = json!({"retention_days": 90, "compression": true, "encryption_key_id": "pk_1"});
    let (_server, client) = client_with_response(ApiVersion::V1, settings).await;
    let read = client.company().recording_settings().send().await.unwrap();
    assert_eq!((read.retention_days, read.compression), (Some(90), Some(true)));
    assert_eq!(read.encryption_key.unwrap(), "pk_1");

    let (_server, client) =
        client_with_response(ApiVersion::V1, json!({"keys": [{"key_id": "pk_1", "creation_date": DATE}]})).await;
    let key = client.company().encryption_keys().send().await.unwrap().items.remove(0);
    assert_eq!((key.id.as_str(), key.created_at), ("pk_1", date()));

    let (_server, client) =
        client_with_response(ApiVersion::V1, json!({"tags": [{"tag": "a", "creation_date": DATE}]})).await;
    let tag = client.tags().list().send().await.unwrap().items.remove(0);
    assert_eq!((tag.name.as_str(), tag.created_at), ("a", date()));

    let active = json!({"active_webhooks": {"https://me": [{"webhook_method": "post", "event": "on_call_ended",
        "creation_date": DATE, "event_version": "0"}]}});
    let (_server, client) = client_with_response(ApiVersion::V1, active).await;
    let read =
        client.v1().webhooks().active(bandyer_client::webhooks::WebhookVersion::V0).send().await.unwrap().remove(0);
    assert_eq!((read.url.as_str(), read.event.as_str(), read.created_at), ("https://me", "on_call_ended", date()));
}
