//! Models: all names of their fields, odd values, and whether they survive being stored.

use std::fmt::Debug;

use bandyer_client::activity::Activity;
use bandyer_client::broadcasts::Broadcast;
use bandyer_client::channels::Channel;
use bandyer_client::chats::{Message, UserChat};
use bandyer_client::company::{
    Background, Backgrounds, CompanyProfile, EncryptionKey, Logos, RecordingSettings, Theme, Translation,
};
use bandyer_client::credentials::AccessCredential;
use bandyer_client::events::{
    BroadcastEvent, BroadcastFeedback, BroadcastRecording, BroadcastUser, CallIncoming, MessageSent,
    RecordingAvailable, RoomClosed, RoomCreated, RoomFeedback, SessionEvent, UploadTag, UserPresence,
};
use bandyer_client::rooms::{Participant, Room};
use bandyer_client::sessions::{ConnectionEvent, Session};
use bandyer_client::signatures::{Envelope, RequestedSignature, SignatureTemplate};
use bandyer_client::tags::Tag;
use bandyer_client::uploads::Upload;
use bandyer_client::users::User;
use bandyer_client::webhooks::{ActiveWebhook, Webhook};
use bandyer_client::{Page, RoomId};
use httpmock::MockServer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::v2;

/// Checks a model: `full` has every field under each of its names, and each group of `required` is one field.
fn check<T: Serialize + DeserializeOwned + Debug>(full: Value, required: &[&[&str]]) {
    let read = |value: &Value| serde_json::from_value::<T>(value.clone());
    let model = read(&full).unwrap_or_else(|error| panic!("{full}: {error}"));
    let stored = serde_json::to_value(&model).unwrap();
    let again = serde_json::to_value(read(&stored).unwrap()).unwrap();
    assert_eq!(again, stored);
    assert!(!stored.as_object().unwrap().values().any(Value::is_null), "{stored}");
    let fields = full.as_object().unwrap();
    // Each name alone is enough for its field, so nothing is lost under any of them.
    for name in fields.keys() {
        let others = required.iter().find(|group| group.contains(&name.as_str())).copied().unwrap_or_default();
        let mut alone = full.clone();
        for other in others.iter().filter(|other| *other != name) {
            alone.as_object_mut().unwrap().remove(*other);
        }
        assert_eq!(serde_json::to_value(read(&alone).unwrap()).unwrap(), stored, "{name} alone");
        for odd in [
            json!(null),
            json!(-1),
            json!(1.5),
            json!(""),
            json!("\u{7}"),
            json!([]),
            json!([7]),
            json!({}),
            json!(true),
        ] {
            let mut changed = alone.clone();
            changed[name] = odd.clone();
            let result = read(&changed);
            if others.is_empty() {
                assert!(result.is_ok(), "{name}: {odd}: {:?}", result.err());
            }
        }
        let mut missing = alone.clone();
        missing.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&missing).is_ok(), others.is_empty(), "without {name}");
    }
    for odd in [json!(null), json!(7), json!("x"), json!([])] {
        assert!(read(&odd).is_err(), "{odd}");
    }
}

const AT: &str = "2024-03-05T09:12:30Z";

#[test]
fn users_and_rooms_accept_all_names_and_odd_values() {
    check::<User>(
        json!({"id": "u", "user_id": "u", "role": "plus", "language": "it", "allow_camera": true, "can_video": 1,
            "active": "1", "avatar_url": "https://h/a", "creation_date": AT}),
        &[&["id", "user_id"]],
    );
    let participant = json!({"user_id": "u", "user": "u", "id": "u", "url": "https://h/1", "link": "https://h/1",
        "access_link": "https://h/1", "is_admin": true, "tools": {"chat": true}});
    check::<Participant>(participant.clone(), &[&["user_id", "user", "id"]]);
    let dial_info = json!({"sessions": {"number": 1, "hours": 0, "minutes": 1, "seconds": 5, "users": 2, "details": [
        {"session": "s", "creationDate": AT, "hours": 1, "minutes": 0, "seconds": 0, "users": 2,
         "userEvents": [{"user": "u", "timestamp": AT, "event": "user connected"}],
         "userActivities": [{"user": "u", "startTime": AT, "stopTime": AT, "seconds": 3}]}]}});
    check::<Room>(
        json!({"id": "r", "room_id": "r", "participants": [participant], "user_urls": [participant],
            "call_type": "audio_only", "recording": "manual", "record": true, "recording_type": "manual",
            "recording_status": "stopped", "description": "d", "status": "RUNNING", "disabled": false, "live": true,
            "duration": 60, "duration_used": 1, "durationUsed": 1, "creation_date": AT, "creationDate": AT,
            "dialInfo": dial_info}),
        &[&["id", "room_id"]],
    );
}

#[test]
fn statistics_of_a_room_are_read() {
    let room: Room = serde_json::from_value(json!({"room_id": "r", "dialInfo": {"sessions": {"number": 1, "hours": 1,
        "minutes": 1, "seconds": 5, "details": [{"session": "s", "userActivities": [{"user": "u", "seconds": 3}]}]}}}))
    .unwrap();
    let statistics = room.statistics.unwrap();
    assert_eq!(statistics.duration.unwrap().as_secs(), 3665);
    assert_eq!(statistics.sessions[0].presence[0].duration.unwrap().as_secs(), 3);
}

#[test]
fn sessions_uploads_and_messages_accept_all_names_and_odd_values() {
    check::<Session>(
        json!({"id": "s", "session_id": "s", "room_id": "r", "broadcast_id": "b", "creation_date": AT, "duration": 7,
            "connected_participants": ["u"]}),
        &[&["id", "session_id"]],
    );
    check::<ConnectionEvent>(
        json!({"user_id": "u", "event": "user_connect", "timestamp": AT}),
        &[&["user_id"], &["event"]],
    );
    check::<Upload>(
        json!({"key": "a/b", "upload_key": "a/b", "upload_type": "generic", "user_id": "u", "session_id": "s",
            "room_id": "r", "creation_date": AT, "url": "https://h/f"}),
        &[&["key", "upload_key"]],
    );
    check::<Channel>(
        json!({"id": "c", "channel_id": "c", "users": ["u"], "participants": ["u"], "creation_date": AT}),
        &[&["id", "channel_id"]],
    );
    let message = json!({"body": "t", "message": "t", "id": "m", "message_id": "m", "index": 1, "from": "u", "sender": "u",
        "date": AT, "timestamp": AT, "creation_date": AT});
    check::<Message>(message.clone(), &[&["body", "message"]]);
    check::<UserChat>(
        json!({"users": ["u"], "channel_id": "c", "unread_messages_count": 1, "last_message": message}),
        &[],
    );
}

#[test]
fn the_company_and_its_settings_accept_all_names_and_odd_values() {
    let background = json!({"alias": "a", "background_alias": "a", "url": "https://h/b", "creation_date": AT});
    let logos = json!({"light_url": "l", "logo_url": "l", "dark_url": "d", "logo_dark_url": "d"});
    let palette = json!({"primary_color": "#000000", "accent_color": "#ffffff"});
    check::<Background>(background.clone(), &[&["alias", "background_alias"]]);
    check::<Backgrounds>(
        json!({"default_background": background, "backgrounds": [background], "virtual_backgrounds": [background]}),
        &[],
    );
    check::<Logos>(logos.clone(), &[]);
    check::<Theme>(json!({"light": palette, "dark": palette, "logos": logos, "logo": logos}), &[]);
    check::<CompanyProfile>(
        json!({"name": "n", "default_language": "it", "default_background": background,
            "end_call_redirect_url": "https://h/e", "end_call_redirect_timeout_ms": 1500,
            "user_details_provider_url": "https://h/u", "logos": logos}),
        &[],
    );
    check::<RecordingSettings>(json!({"retention_days": 30, "compression": true, "encryption_key_id": "k"}), &[]);
    check::<EncryptionKey>(json!({"key_id": "k", "id": "k", "creation_date": AT}), &[&["key_id", "id"]]);
    check::<Translation>(json!({"language": "it", "url": "https://h/t", "creation_date": AT}), &[&["language"]]);
}

#[test]
fn the_other_models_accept_all_names_and_odd_values() {
    check::<Activity>(
        json!({"activity_type": "user_answer", "user_alias": "u", "creation_date": AT, "room": {"room_alias": "r",
            "recording": true, "users": ["u"], "initiator": "u", "call_type": "audio_only"}}),
        &[&["activity_type"], &["user_alias"]],
    );
    check::<Broadcast>(
        json!({"broadcast_id": "b", "id": "b", "description": "d", "chat": true, "recording": true, "record": "1",
            "publisher_id": "u", "publisher": {"id": "u"}, "panelists": [{"user_id": "p"}], "status": "s",
            "creationDate": AT, "creation_date": AT}),
        &[&["broadcast_id", "id"]],
    );
    check::<Envelope>(
        json!({"id": "e", "envelope_id": "e", "room_id": "r", "provider_id": "p", "status": "s", "creation_date": AT}),
        &[&["id", "envelope_id"]],
    );
    check::<SignatureTemplate>(
        json!({"id": "t", "template_id": "t", "name": "n", "creation_date": AT}),
        &[&["id", "template_id"]],
    );
    check::<RequestedSignature>(json!({"provider_id": "p"}), &[&["provider_id"]]);
    check::<Tag>(json!({"name": "n", "tag": "n", "creation_date": AT}), &[&["name", "tag"]]);
    check::<Webhook>(
        json!({"id": "w", "url": "https://h/w", "event": "on_room_created", "version": "1", "creation_date": AT}),
        &[&["id"]],
    );
    check::<ActiveWebhook>(
        json!({"post_event_webhook_url": "https://h/w", "event": "on_room_created", "creation_date": AT}),
        &[&["post_event_webhook_url"], &["event"]],
    );
    check::<AccessCredential>(
        json!({"user_id": "u", "access_token": "t", "expires_at": AT}),
        &[&["user_id"], &["access_token"], &["expires_at"]],
    );
}

#[test]
fn events_accept_all_names_and_odd_values() {
    check::<CallIncoming>(
        json!({"roomAlias": "r", "room_id": "r", "initiator": "u", "users": [{"user": {"userAlias": "u"}}],
            "options": {"duration": 60, "record": "false", "recordingType": "manual", "creationDate": AT,
                "callType": "audio_only", "live": true}}),
        &[&["roomAlias", "room_id"]],
    );
    let participant = json!({"user_id": "u", "url": "https://h/1"});
    check::<RoomCreated>(
        json!({"room_id": "r", "participants": [participant], "user_urls": [participant], "recording": true, "record": 1,
            "recording_type": "manual", "duration": 60, "live": true, "directCall": true, "call_type": "audio_only",
            "description": "d"}),
        &[&["room_id"]],
    );
    let link = json!({"user_id": "u", "link": "https://h/1"});
    check::<RoomClosed>(
        json!({"room_id": "r", "links": [link], "disabled_links": [link], "deleted_links": [link], "message": "m"}),
        &[&["room_id"]],
    );
    let rating = json!({"room_id": "r", "session_id": "s", "user_id": "u", "rating": "5", "message": "m"});
    check::<RoomFeedback>(rating, &[&["room_id"], &["session_id"], &["user_id"], &["rating"]]);
    check::<SessionEvent>(
        json!({"room_id": "r", "session_id": "s", "connected_participants": 2, "connected_users": 2, "connected": 2,
            "timestamp": AT, "duration": {"total_duration": 60, "elapsed_time": 1, "duration_remained": 59}}),
        &[&["room_id"]],
    );
    check::<UserPresence>(
        json!({"user_id": "u", "room_id": "r", "room": {"room_id": "r", "connected_users": 1}, "session_id": "s",
            "connected_users_count": 1, "first_name": "f", "last_name": "l", "email": "e", "timestamp": AT}),
        &[&["user_id"], &["room_id", "room"]],
    );
    check::<RecordingAvailable>(
        json!({"room_id": "r", "session_id": "s", "creationDate": AT}),
        &[&["room_id"], &["session_id"]],
    );
    check::<BroadcastRecording>(
        json!({"broadcast_id": "b", "room_id": "b", "session_id": "s", "creationDate": AT}),
        &[&["broadcast_id", "room_id"], &["session_id"]],
    );
    check::<BroadcastEvent>(json!({"broadcast_id": "b", "session_id": "s"}), &[&["broadcast_id"]]);
    check::<BroadcastUser>(
        json!({"broadcast_id": "b", "user_id": "u", "session_id": "s"}),
        &[&["broadcast_id"], &["user_id"]],
    );
    check::<BroadcastFeedback>(
        json!({"broadcast_id": "b", "session_id": "s", "user_id": "u", "rating": 5, "message": "m"}),
        &[&["broadcast_id"], &["session_id"], &["user_id"], &["rating"]],
    );
    check::<MessageSent>(
        json!({"id": "m", "channel_id": "c", "sender": "u", "body": "t", "participants": ["u"], "type": "text",
            "attributes": "{}", "index": 1, "creation_date": AT}),
        &[&["id"], &["channel_id"], &["sender"], &["body"]],
    );
    check::<UploadTag>(
        json!({"tag": "t", "upload_key": "a/b", "timestamp": AT, "session_id": "s", "room_id": "r"}),
        &[&["tag"], &["upload_key"]],
    );
}

#[tokio::test]
async fn an_odd_item_is_skipped_and_counted_and_ends_no_list() {
    let server = MockServer::start_async().await;
    let mut first: Vec<Value> = (0..99).map(|n| json!({"id": format!("r{n}")})).collect();
    first.insert(50, json!({"id": null, "status": "RUNNING"}));
    for (offset, items) in [(None, first), (Some("100"), vec![json!({"id": "last"})])] {
        server
            .mock_async(|when, then| {
                let when = when.path("/v2/rooms");
                match offset {
                    Some(offset) => when.query_param("offset", offset),
                    None => when.query_param_missing("offset"),
                };
                // Without `has_more`, a full page is followed by another one.
                then.status(200).json_body(json!({"limit": 100, "rooms": items}));
            })
            .await;
    }
    let client = v2(&server);
    let page = client.rooms().list().page_size(100).await.unwrap();
    assert_eq!((page.items.len(), page.skipped, page.has_more, page.next_offset()), (99, 1, true, Some(100)));
    let all = client.rooms().list().into_stream().try_collect().await.unwrap();
    assert_eq!((all.len(), all.last().unwrap().id.as_str()), (100, "last"));
}

#[test]
fn a_page_can_be_made_for_a_test() {
    let page = Page::new(vec![Room::new(RoomId::new("r").unwrap())]);
    assert_eq!((page.items.len(), page.next_offset(), page.skipped), (1, None, 0));
}
