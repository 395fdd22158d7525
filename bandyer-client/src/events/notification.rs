//! The envelope of an event, in all webhook versions.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::event::Event;
use crate::types::ids::RoomId;
use crate::types::model::{Field, Fields};

/// Largest body that is parsed, in bytes. A room of 25 people has about 20 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The body is not an event. Respond with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's body {0}")]
#[non_exhaustive]
pub struct ParseError(&'static str);

/// An event and its envelope.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Notification {
    /// The webhook version as the vendor writes it, such as `1.0`; `None` in version 0.
    pub version: Option<String>,
    /// The kind of object the event concerns, such as `room`; `None` in version 0.
    pub namespace: Option<String>,
    /// When the event happened, if the envelope contains it. The vendor documents seconds, but its samples have milliseconds;
    /// both are accepted.
    pub timestamp: Option<Timestamp>,
    /// The room id in the envelope of version 0. It is the part that `room-id-hmac` covers.
    pub room_id: Option<RoomId>,
    /// The event.
    pub event: Event,
}

impl Notification {
    /// Creates one as of webhook version 1, for tests of receivers. Serialized to JSON it is the body that the vendor sends,
    /// and [`sign`](super::sign) makes its signature.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::RoomId;
    /// use bandyer_client::events::{Event, Notification, RoomClosed, parse};
    ///
    /// let deleted = Event::RoomDeleted(RoomClosed::new(RoomId::new("room_1")?));
    /// let body = serde_json::to_vec(&Notification::new(deleted))?;
    /// assert_eq!(parse(&body)?.event.name(), "on_room_deleted");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(event: Event) -> Self {
        Self { version: Some("1.0".to_owned()), namespace: None, timestamp: None, room_id: None, event }
    }
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = Map::new();
        body.insert("event".to_owned(), self.event.name().into());
        let timestamp = self.timestamp.map(|timestamp| timestamp.as_millisecond().into());
        let optional = [
            ("event_version", self.version.write()),
            ("namespace", self.namespace.write()),
            ("timestamp", timestamp),
            ("room_id", self.room_id.write()),
        ];
        body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        body.insert("data".to_owned(), self.event.data());
        body.serialize(serializer)
    }
}

/// Parses an event of any webhook version. Verify the signature over the same bytes first.
///
/// ```
/// use bandyer_client::events::{Event, parse};
///
/// # fn main() -> Result<(), bandyer_client::events::ParseError> {
/// let body = br#"{"event":"on_call_ended","room_id":"room_1","data":{"room_id":"room_1"}}"#;
/// if let Event::CallEnded(call) = parse(body)?.event {
///     assert_eq!(call.room_id, "room_1");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ParseError`] if the body is larger than 1 MiB or not a JSON object with an `event`.
pub fn parse(body: &[u8]) -> Result<Notification, ParseError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ParseError("is larger than 1 MiB"));
    }
    let no_event = || ParseError("is not a JSON object with the name of an event");
    let envelope: Fields = serde_json::from_slice(body).map_err(|_| no_event())?;
    let name = envelope.get("event").and_then(Value::as_str).ok_or_else(no_event)?;
    let room_id: Option<RoomId> = envelope.first(&["room_id"]);
    // In version 0 the data of some events is a string that contains JSON, and of others an object.
    let mut data = match envelope.get("data").cloned().unwrap_or_default() {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Value::Null if room_id.is_some() => Value::Object(Map::new()),
        data => data,
    };
    if let (Some(room), Value::Object(fields)) = (&room_id, &mut data)
        && !["room_id", "roomAlias", "room", "broadcast_id"].iter().any(|name| fields.contains_key(*name))
    {
        fields.insert("room_id".to_owned(), room.as_str().into());
    }
    Ok(Notification {
        version: envelope.first(&["event_version"]),
        namespace: envelope.first(&["namespace"]),
        timestamp: envelope.first(&["timestamp"]),
        room_id,
        event: Event::of(name.to_owned(), data),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Notification, parse};
    use crate::events::Event;

    fn notification(body: &Value) -> Notification {
        parse(body.to_string().as_bytes()).unwrap()
    }

    fn v1(name: &str, data: Value) -> Event {
        let body = json!({"event": name, "event_version": "1.0", "namespace": "x", "timestamp": 1_709_630_000_123_i64,
                          "data": data});
        notification(&body).event
    }

    #[test]
    fn the_envelope_of_version_1_is_parsed() {
        let body = json!({"event": "on_session_ended", "event_version": "1.0", "namespace": "session",
            "timestamp": 1_709_630_000_123_i64,
            "data": {"room_id": "room_3f9a1c77b2de", "session_id": "session_a1b2c3d4e5f6",
                     "timestamp": "2024-03-05T09:40:00.120Z", "duration": {"total_duration": 3600, "elapsed_time": 1650}}});
        let read = notification(&body);
        assert_eq!((read.version.as_deref(), read.namespace.as_deref()), (Some("1.0"), Some("session")));
        assert_eq!(read.timestamp.unwrap().as_millisecond(), 1_709_630_000_123);
        let Event::SessionEnded(session) = read.event else { panic!("{:?}", read.event) };
        assert_eq!(session.session_id.unwrap(), "session_a1b2c3d4e5f6");
        let time = session.duration.unwrap();
        assert_eq!((time.total, time.elapsed), (Some(Duration::from_secs(3600)), Some(Duration::from_secs(1650))));
    }

    #[test]
    fn data_of_version_0_is_an_object_or_a_string_with_json() {
        let data = json!({"room_id": "room_1", "record": "false", "live": true, "duration": 0,
            "user_urls": [{"user": "d", "url": "https://h/1", "is_admin": true}, "https://h/2"]});
        for data in [data.clone(), Value::String(data.to_string())] {
            let read = notification(&json!({"event": "on_room_created", "room_id": "room_1", "data": data}));
            assert_eq!((read.version, read.room_id.unwrap().as_str()), (None, "room_1"));
            let Event::RoomCreated(room) = read.event else { panic!() };
            assert_eq!((room.recording, room.live, room.participants.len()), (Some(false), Some(true), 1));
            assert_eq!(room.participants[0].join_url.as_ref().unwrap().expose(), "https://h/1");
        }
    }

    #[test]
    fn the_room_id_of_the_envelope_is_the_fallback() {
        let read = notification(&json!({"event": "on_call_ended", "room_id": "room_1", "data": {}}));
        assert!(matches!(read.event, Event::CallEnded(room) if room.room_id == "room_1"));
    }

    #[test]
    fn a_body_with_both_names_of_a_field_is_parsed() {
        let call = json!({"room_id": "r", "roomAlias": "r"});
        assert!(matches!(v1("on_call_incoming", call), Event::CallIncoming(call) if call.room_id == "r"));
        let both = json!({"room_id": "r", "record": 1, "recording": 1, "user_urls": [],
            "participants": [{"user": "d", "user_id": "d"}]});
        let Event::RoomCreated(room) = v1("on_room_created", both) else { panic!() };
        assert_eq!((room.recording, room.participants.len()), (Some(true), 1));
    }

    #[test]
    fn both_formats_of_incoming_calls_and_presence_are_parsed() {
        for key in ["roomAlias", "room_id"] {
            let data =
                json!({key: "room_1", "initiator": "d", "users": [{"user": {"userAlias": "p"}, "status": "invited"}]});
            let Event::CallIncoming(call) = v1("on_call_incoming", data) else { panic!() };
            assert_eq!((call.room_id.as_str(), call.users[0].as_str()), ("room_1", "p"));
        }
        for room in [json!({"room_id": "room_1"}), json!({"room": {"room_id": "room_1", "connected_users": 2}})] {
            let mut data = json!({"user_id": "p"});
            data.as_object_mut().unwrap().extend(room.as_object().unwrap().clone());
            let Event::UserConnected(presence) = v1("on_user_connected", data) else { panic!() };
            assert_eq!((presence.room_id.as_str(), presence.user_id.as_str()), ("room_1", "p"));
        }
    }

    #[test]
    fn every_known_event_is_parsed_and_keeps_its_name() {
        let full = json!({"room_id": "r", "session_id": "s", "user_id": "u", "broadcast_id": "b", "rating": 5,
            "message": "m", "id": "IM1", "channel_id": "CH1", "sender": "u", "body": "x", "tag": "t", "upload_key": "a/b",
            "connected_participants": ["u", "v"], "deleted_links": [{"user_id": "u", "link": "https://h/x"}]});
        for name in Event::NAMES {
            let event = v1(name, full.clone());
            assert_eq!(event.name(), *name);
            assert!(!matches!(event, Event::Unknown { .. }), "{name}");
        }
        assert_eq!(Event::NAMES.len(), 24);
        let recording = json!({"room_id": "bro_1", "session_id": "s"});
        assert!(matches!(v1("on_broadcast_recording_available", recording), Event::BroadcastRecordingAvailable(_)));
    }

    #[test]
    fn unknown_or_undocumented_events_keep_all_data() {
        for (name, data) in [
            ("on_transcription_available", json!({"a": 1})),
            ("on_room_created", json!({"room": 7})),
            ("x", json!("text")),
        ] {
            let Event::Unknown { name: kept, data: held } = v1(name, data.clone()) else { panic!("{name}") };
            assert_eq!((kept.as_str(), held), (name, data));
        }
    }

    #[test]
    fn arbitrary_bodies_do_not_panic_and_keep_the_event_name() {
        use proptest::prelude::*;
        let name = prop_oneof![prop::sample::select(Event::NAMES).prop_map(str::to_owned), any::<String>()];
        let data = prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<(String, String)>()
                .prop_map(|(a, b)| json!({"room_id": a, "users": [b], "duration": {"total_duration": a}}))
        ];
        proptest!(|(bytes in any::<Vec<u8>>(), name in name, data in data)| {
            let _ = parse(&bytes);
            let body = json!({"event": name, "room_id": "r", "timestamp": data, "data": data}).to_string();
            let read = parse(body.as_bytes()).unwrap();
            prop_assert_eq!(read.event.name(), name);
        });
    }

    #[test]
    fn a_body_that_is_not_an_event_is_an_error() {
        let huge = vec![b' '; 2 * 1024 * 1024];
        for body in [&b""[..], b"[]", b"{}", br#"{"event": 7}"#, b"\xff", &huge] {
            assert!(parse(body).is_err());
        }
    }

    #[test]
    fn debug_output_contains_no_content() {
        let event = v1(
            "on_message_sent",
            json!({"id": "canary", "channel_id": "canary", "sender": "canary", "body": "canary"}),
        );
        let closed = v1(
            "on_room_deleted",
            json!({"room_id": "canary", "deleted_links": [{"user_id": "canary", "link": "canary"}]}),
        );
        let unknown = v1("x", json!({"canary": "canary"}));
        assert!(!format!("{event:?} {closed:?} {unknown:?}").contains("canary"));
        let Event::MessageSent(message) = event else { panic!() };
        assert!(!format!("{message:?}").contains("canary"));
    }
}
