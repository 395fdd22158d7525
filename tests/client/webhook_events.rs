//! Every documented event, with the bodies from the vendor's documentation, and the parsed fields.

use std::time::Duration;

use bandyer_client::events::{Event, SessionEvent, parse};
use bandyer_client::rooms::{CallType, RecordingMode};
use bandyer_client::{ChannelId, UploadKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::user;

const DATE: &str = "2024-03-05T09:40:00.120Z";

fn date() -> Option<Timestamp> {
    Some(DATE.parse().unwrap())
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// An event in the envelope of version 0, whose data is a string or an object; both are parsed to the same event.
fn v0(name: &str, data: Value) -> Event {
    let [as_text, as_object] = [Value::String(data.to_string()), data].map(|data| {
        let body = json!({"event": name, "room_id": "r", "data": data}).to_string();
        parse(body.as_bytes()).unwrap().event
    });
    assert_eq!(format!("{as_text:?}"), format!("{as_object:?}"));
    assert!(!matches!(as_text, Event::Unknown { .. }), "{name}");
    as_text
}

fn v1(name: &str, data: Value) -> Event {
    let body = json!({"event": name, "event_version": "1.0", "namespace": "x", "timestamp": 1_624_605_171_921_i64,
        "data": data});
    let event = parse(body.to_string().as_bytes()).unwrap().event;
    assert!(!matches!(event, Event::Unknown { .. }), "{name}");
    event
}

macro_rules! content {
    ($event:expr, $($variant:ident)|+) => {
        match $event {
            $(Event::$variant(content) => content,)+
            other => panic!("{other:?}"),
        }
    };
}

#[test]
fn calls_are_parsed_in_full() {
    let incoming = json!({"initiator": "d", "users": [{"user": {"userAlias": "p"}, "status": "invited"}],
        "roomAlias": "r", "options": {"duration": 0, "record": true, "recordingType": "manual",
        "creationDate": DATE, "callType": "audio_only", "live": true}});
    let call = content!(v0("on_call_incoming", incoming), CallIncoming);
    assert_eq!((call.room_id.as_str(), call.initiator, call.users), ("r", Some(user("d")), vec![user("p")]));
    let options = call.options.unwrap();
    assert_eq!((options.duration, options.recording, options.live), (None, Some(true), Some(true)));
    assert_eq!((options.recording_type, options.call_type), (Some(RecordingMode::Manual), Some(CallType::AudioOnly)));
    assert_eq!(options.created_at, date());
    assert_eq!(content!(v0("on_call_ended", json!({"room_id": "r"})), CallEnded).room_id, "r");
}

#[test]
fn rooms_are_parsed_in_full_in_both_versions() {
    let people = json!([{"user": "d", "url": "https://h/1", "tools": {"chat": true}, "is_admin": true}]);
    let old = json!({"room_id": "r", "record": "false", "recording_type": "manual", "duration": 120, "live": true,
        "directCall": true, "description": "visit", "user_urls": people});
    let new = json!({"room_id": "r", "recording": 0, "recording_type": "manual", "duration": 120, "live": true,
        "call_type": "audio_video", "description": "visit", "participants": people});
    let (old, new) = (v0("on_room_created", old), v1("on_room_created", new));
    let (old, new) = (content!(old, RoomCreated), content!(new, RoomCreated));
    assert_eq!((old.skips_landing_page, new.call_type.clone()), (Some(true), Some(CallType::AudioVideo)));
    for room in [old, new] {
        assert_eq!((room.room_id.as_str(), room.duration, room.live), ("r", seconds(120), Some(true)));
        assert_eq!((room.recording, room.recording_type), (Some(false), Some(RecordingMode::Manual)));
        assert_eq!(room.description.unwrap().as_str(), "visit");
        let person = &room.participants[0];
        assert_eq!((&person.user_id, person.is_admin), (&user("d"), Some(true)));
        assert_eq!(person.join_url.as_ref().unwrap().expose(), "https://h/1");
    }
    for what in ["disabled", "deleted"] {
        let name = format!("on_room_{what}");
        let old = content!(v0(&name, json!({"room_id": "r", "message": "m"})), RoomDisabled | RoomDeleted);
        assert_eq!((old.room_id.as_str(), old.message.as_deref(), old.links.len()), ("r", Some("m"), 0));
        let links = json!({"room_id": "r", format!("{what}_links"): [{"user_id": "p", "link": "https://h/2"}]});
        let new = content!(v1(&name, links), RoomDisabled | RoomDeleted);
        assert_eq!((&new.links[0].user_id, new.links[0].link.expose()), (&user("p"), "https://h/2"));
    }
    let rating = json!({"room_id": "r", "session_id": "s", "user_id": "p", "rating": 4, "message": "m"});
    for event in [v0("on_room_new_feedback", rating.clone()), v1("on_room_new_feedback", rating)] {
        let rated = content!(event, RoomFeedback);
        assert_eq!((rated.room_id.as_str(), rated.session_id.as_str(), rated.user_id), ("r", "s", user("p")));
        assert_eq!((rated.rating, rated.message.as_deref()), (4, Some("m")));
    }
    let silent = json!({"room_id": "r", "session_id": "s", "user_id": "p", "rating": 1});
    assert_eq!(content!(v1("on_room_new_feedback", silent), RoomFeedback).message, None);
}

#[test]
fn sessions_are_parsed_in_full_in_both_versions() {
    let of = |event: Event| -> SessionEvent {
        content!(event, SessionStarted | SessionResumed | SessionPaused | SessionEnded)
    };
    for name in ["on_session_started", "on_session_resumed", "on_session_paused", "on_session_ended"] {
        let old = of(v0(
            name,
            json!({"room_id": "r", "connected_users": 2, "timestamp": DATE,
            "duration": {"total_duration": 3600, "duration_remained": 1950}}),
        ));
        assert_eq!((old.room_id.as_str(), old.session_id, old.connected, old.timestamp), ("r", None, Some(2), date()));
        let time = old.duration.unwrap();
        assert_eq!((time.total, time.elapsed, time.remaining), (seconds(3600), None, seconds(1950)));
        let new = of(v1(
            name,
            json!({"room_id": "r", "session_id": "s", "timestamp": DATE,
            "connected_participants": ["d", "p"], "duration": {"total_duration": 0, "elapsed_time": 1650}}),
        ));
        assert_eq!((new.session_id.unwrap().as_str(), new.connected, new.timestamp), ("s", Some(2), date()));
        let time = new.duration.unwrap();
        assert_eq!((time.total, time.elapsed, time.remaining), (None, seconds(1650), None));
        assert!(of(v1(name, json!({"room_id": "r", "session_id": "s", "timestamp": DATE}))).duration.is_none());
    }
}

#[test]
fn user_presence_is_parsed_in_full_in_both_versions() {
    for name in ["on_user_connected", "on_user_disconnected"] {
        let old = json!({"user_id": "p", "first_name": "M.", "last_name": "Rossi", "email": "",
            "room": {"room_id": "r", "connected_users": 2}, "timestamp": DATE});
        let old = content!(v0(name, old), UserConnected | UserDisconnected);
        assert_eq!((old.user_id, old.room_id.as_str(), old.connected), (user("p"), "r", Some(2)));
        assert_eq!((old.first_name.as_deref(), old.last_name.as_deref(), old.email), (Some("M."), Some("Rossi"), None));
        assert_eq!((old.session_id, old.timestamp), (None, date()));
        let new = json!({"room_id": "r", "session_id": "s", "user_id": "p", "connected_users_count": 1});
        let new = content!(v1(name, new), UserConnected | UserDisconnected);
        assert_eq!((new.user_id, new.room_id.as_str(), new.connected), (user("p"), "r", Some(1)));
        assert_eq!((new.session_id.unwrap().as_str(), new.timestamp), ("s", None));
    }
}

#[test]
fn recordings_are_parsed_in_full_in_both_versions() {
    let data = json!({"room_id": "r", "session_id": "s", "creationDate": DATE});
    let old = content!(v0("on_recording_available", data.clone()), RecordingAvailable);
    assert_eq!((old.room_id.as_str(), old.session_id.as_str(), old.created_at), ("r", "s", date()));
    let new = content!(v1("on_recording_available", json!({"room_id": "r", "session_id": "s"})), RecordingAvailable);
    assert_eq!((new.room_id.as_str(), new.session_id.as_str(), new.created_at), ("r", "s", None));
    let old = content!(v0("on_broadcast_recording_available", data), BroadcastRecordingAvailable);
    assert_eq!((old.broadcast_id.as_str(), old.session_id.as_str(), old.created_at), ("r", "s", date()));
    let new = json!({"broadcast_id": "b", "session_id": "s"});
    assert_eq!(content!(v1("on_broadcast_recording_available", new), BroadcastRecordingAvailable).broadcast_id, "b");
}

#[test]
fn broadcasts_are_parsed_in_full_in_both_versions() {
    for name in ["on_broadcast_start", "on_broadcast_stop"] {
        let data = json!({"broadcast_id": "b", "session_id": "s"});
        for event in [v0(name, data.clone()), v1(name, data)] {
            let read = content!(event, BroadcastStarted | BroadcastStopped);
            assert_eq!((read.broadcast_id.as_str(), read.session_id.unwrap().as_str()), ("b", "s"));
        }
    }
    for name in ["pub_connected", "pub_disconnected", "sub_connected", "sub_disconnected"] {
        let name = format!("on_broadcast_{name}");
        let of = |event: Event| {
            content!(
                event,
                BroadcastPublisherConnected
                    | BroadcastPublisherDisconnected
                    | BroadcastSubscriberConnected
                    | BroadcastSubscriberDisconnected
            )
        };
        let old = of(v0(&name, json!({"broadcast_id": "b", "user_id": "d"})));
        assert_eq!((old.broadcast_id.as_str(), old.user_id, old.session_id), ("b", user("d"), None));
        let new = of(v1(&name, json!({"broadcast_id": "b", "user_id": "d", "session_id": "s"})));
        assert_eq!(new.session_id.unwrap(), "s");
    }
    let rating = json!({"broadcast_id": "b", "session_id": "s", "user_id": "p", "rating": 5, "message": "m"});
    for event in [v0("on_broadcast_new_feedback", rating.clone()), v1("on_broadcast_new_feedback", rating)] {
        let rated = content!(event, BroadcastFeedback);
        assert_eq!((rated.broadcast_id.as_str(), rated.session_id.as_str(), rated.user_id), ("b", "s", user("p")));
        assert_eq!((rated.rating, rated.message.as_deref()), (5, Some("m")));
    }
}

#[test]
fn messages_and_tags_are_parsed_in_full() {
    let sent = json!({"id": "IM1", "channel_id": "CH1", "participants": ["d", "p"], "body": "hello", "type": "text",
        "creation_date": DATE, "sender": "d", "index": 3, "attributes": "{\"a\":1}"});
    let message = content!(v1("on_message_sent", sent), MessageSent);
    assert_eq!((message.id.as_str(), message.body.as_str(), message.index), ("IM1", "hello", Some(3)));
    assert_eq!((message.channel_id, message.sender), (ChannelId::new("CH1").unwrap(), user("d")));
    assert_eq!((message.participants, message.created_at), (["d", "p"].map(user).to_vec(), date()));
    assert_eq!((message.kind.as_deref(), message.attributes.as_deref()), (Some("text"), Some("{\"a\":1}")));
    for name in ["on_upload_tag_added", "on_upload_tag_removed"] {
        let data = json!({"tag": "x-ray", "upload_key": "a/b", "timestamp": DATE, "session_id": "s", "room_id": null});
        let tag = content!(v1(name, data), UploadTagAdded | UploadTagRemoved);
        assert_eq!(
            (tag.tag.as_str(), tag.upload_key, tag.timestamp),
            ("x-ray", UploadKey::new("a/b").unwrap(), date())
        );
        assert_eq!((tag.session_id.unwrap().as_str(), tag.room_id), ("s", None));
    }
}

#[test]
fn undocumented_events_keep_their_name_and_data() {
    let data = json!({"room_id": "r", "anything": [1, {"deep": "x"}]});
    for name in ["on_transcription_available", "on_signature_enveloped_inserted", "on_something_new"] {
        let body = json!({"event": name, "event_version": "2", "data": data}).to_string();
        let notification = parse(body.as_bytes()).unwrap();
        assert_eq!(notification.version.as_deref(), Some("2"));
        let Event::Unknown { name: kept, data: held, .. } = notification.event else { panic!("{name}") };
        assert_eq!((kept.as_str(), &held), (name, &data));
    }
}
