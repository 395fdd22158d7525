//! What happened.
//!
//! Fields that only one version of the webhooks sends are optional. An event that is not known, or that is known and
//! looks different from what is documented, comes as [`Event::Unknown`] with everything it holds: none is lost.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::ids::{BroadcastId, RoomId, SessionId, UserId};
use crate::model::secret::JoinUrl;
use crate::rooms::{CallType, Description, Tools};
use crate::wire::lenient;

/// Largest body that is parsed, in bytes. A room of 25 people has about 20 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The body is no event. Answer with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's body {0}")]
#[non_exhaustive]
pub struct ParseError(&'static str);

/// An event and what came around it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Notification {
    /// The version of the webhook as the vendor writes it, such as `1.0`; none in version 0.
    pub version: Option<String>,
    /// The kind of thing it is about, such as `room`; none in version 0.
    pub namespace: Option<String>,
    /// When it happened, as far as the envelope tells. The page says seconds, every sample has milliseconds; both are
    /// read.
    pub timestamp: Option<Timestamp>,
    /// The room it is about, as the envelope of version 0 tells it. That is the part that `room-id-hmac` covers.
    pub room_id: Option<RoomId>,
    /// What happened.
    pub event: Event,
}

/// Something that happened at the vendor.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// Somebody's device rings.
    CallIncoming(CallIncoming),
    /// A call has ended.
    CallEnded(RoomClosed),
    /// A room was created.
    RoomCreated(RoomCreated),
    /// A room can no longer be used.
    RoomDisabled(RoomClosed),
    /// A room is gone.
    RoomDeleted(RoomClosed),
    /// Somebody rated a call.
    RoomFeedback(RoomFeedback),
    /// A session has begun.
    SessionStarted(Session),
    /// A session goes on.
    SessionResumed(Session),
    /// A session was interrupted.
    SessionPaused(Session),
    /// A session has ended.
    SessionEnded(Session),
    /// Somebody came.
    UserConnected(UserPresence),
    /// Somebody left.
    UserDisconnected(UserPresence),
    /// A recording can be downloaded.
    RecordingAvailable(RecordingAvailable),
    /// A broadcast's recording can be downloaded.
    BroadcastRecordingAvailable(BroadcastRecording),
    /// A broadcast has begun.
    BroadcastStarted(Broadcast),
    /// A broadcast has ended.
    BroadcastStopped(Broadcast),
    /// Somebody who sends came.
    BroadcastPublisherConnected(BroadcastUser),
    /// Somebody who sends left.
    BroadcastPublisherDisconnected(BroadcastUser),
    /// Somebody who watches came.
    BroadcastSubscriberConnected(BroadcastUser),
    /// Somebody who watches left.
    BroadcastSubscriberDisconnected(BroadcastUser),
    /// Somebody rated a broadcast.
    BroadcastFeedback(BroadcastFeedback),
    /// Somebody wrote.
    MessageSent(MessageSent),
    /// A file got a tag.
    UploadTagAdded(UploadTag),
    /// A file lost a tag.
    UploadTagRemoved(UploadTag),
    /// An event newer than this crate, or one that looks different from what is documented.
    Unknown {
        /// Its name, such as `on_transcription_available`.
        name: String,
        /// All it holds. May be personal data.
        data: Value,
    },
}

/// The name alone: events hold links, messages and names.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({:?})", self.name())
    }
}

/// A device that rings.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CallIncoming {
    /// The room.
    #[serde(rename = "roomAlias", alias = "room_id")]
    pub room_id: RoomId,
    /// Who calls.
    #[serde(default)]
    pub initiator: Option<UserId>,
    /// Who is called.
    #[serde(default, deserialize_with = "invited")]
    pub users: Vec<UserId>,
}

/// A room that is open.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomCreated {
    /// The room.
    pub room_id: RoomId,
    /// Who may enter, with personal links.
    #[serde(default, alias = "user_urls", deserialize_with = "invitees")]
    pub participants: Vec<crate::rooms::Participant>,
    /// Whether it is recorded.
    #[serde(default, alias = "record", deserialize_with = "lenient::flag")]
    pub recording: Option<bool>,
    /// Longest call time; none when unlimited.
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub duration: Option<Duration>,
    /// Whether links make the others ring.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub live: Option<bool>,
    /// What a call starts with.
    #[serde(default)]
    pub call_type: Option<CallType>,
    /// What the creator wrote.
    #[serde(default, deserialize_with = "description")]
    pub description: Option<Description>,
}

/// A room that is closed.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomClosed {
    /// The room.
    pub room_id: RoomId,
    /// The links that no longer work (version 1).
    #[serde(default, alias = "disabled_links", alias = "deleted_links")]
    pub links: Vec<RoomClosedLink>,
}

/// A link that no longer works.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomClosedLink {
    /// Whose it was.
    pub user_id: UserId,
    /// The link.
    pub link: JoinUrl,
}

/// A rating of a call.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomFeedback {
    /// The room.
    pub room_id: RoomId,
    /// The session.
    pub session_id: SessionId,
    /// Who rated.
    pub user_id: UserId,
    /// From 1 to 5.
    pub rating: u8,
    /// What they wrote.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
}

/// A session that began, went on, was interrupted or ended.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// The room.
    pub room_id: RoomId,
    /// The session (version 1).
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// How many are there.
    #[serde(default, alias = "connected_users", alias = "connected_participants", deserialize_with = "headcount")]
    pub connected: Option<u32>,
    /// When it happened.
    #[serde(default, deserialize_with = "any_moment")]
    pub timestamp: Option<Timestamp>,
    /// The call time, if the room has a limit.
    #[serde(default)]
    pub duration: Option<SessionTime>,
}

/// The call time of a room with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SessionTime {
    /// The limit; none when unlimited.
    #[serde(default, rename = "total_duration", deserialize_with = "some_seconds")]
    pub total: Option<Duration>,
    /// How much is used (version 1).
    #[serde(default, rename = "elapsed_time", deserialize_with = "lenient::seconds")]
    pub elapsed: Option<Duration>,
    /// How much is left (version 0).
    #[serde(default, rename = "duration_remained", deserialize_with = "lenient::seconds")]
    pub remaining: Option<Duration>,
}

/// Somebody who came or left.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct UserPresence {
    /// Who.
    pub user_id: UserId,
    /// The room. Version 0 writes it one level deeper.
    #[serde(alias = "room", deserialize_with = "room_or_its_id")]
    pub room_id: RoomId,
    /// The session (version 1).
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// How many are there now (version 1).
    #[serde(default, rename = "connected_users_count")]
    pub connected: Option<u32>,
}

/// A recording that can be downloaded.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RecordingAvailable {
    /// The room.
    pub room_id: RoomId,
    /// The session that was recorded.
    pub session_id: SessionId,
}

/// A broadcast's recording that can be downloaded.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastRecording {
    /// The broadcast. Version 0 names it `room_id`.
    #[serde(alias = "room_id")]
    pub broadcast_id: BroadcastId,
    /// The session that was recorded.
    pub session_id: SessionId,
}

/// A broadcast that began or ended.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct Broadcast {
    /// The broadcast.
    pub broadcast_id: BroadcastId,
    /// The session.
    #[serde(default)]
    pub session_id: Option<SessionId>,
}

/// Somebody who came to a broadcast or left it.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastUser {
    /// The broadcast.
    pub broadcast_id: BroadcastId,
    /// Who.
    pub user_id: UserId,
    /// The session (version 1).
    #[serde(default)]
    pub session_id: Option<SessionId>,
}

/// A rating of a broadcast.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastFeedback {
    /// The broadcast.
    pub broadcast_id: BroadcastId,
    /// The session.
    pub session_id: SessionId,
    /// Who rated.
    pub user_id: UserId,
    /// From 1 to 5.
    pub rating: u8,
    /// What they wrote.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
}

/// A message in a chat.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct MessageSent {
    /// The message.
    pub id: String,
    /// The chat.
    pub channel_id: String,
    /// Who is in the chat.
    #[serde(default)]
    pub participants: Vec<UserId>,
    /// Who wrote.
    pub sender: UserId,
    /// What was written.
    pub body: String,
    /// Its place in the chat.
    #[serde(default)]
    pub index: Option<u64>,
    /// When it was written.
    #[serde(default, rename = "creation_date", deserialize_with = "any_moment")]
    pub created_at: Option<Timestamp>,
}

/// A tag that a file got or lost.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct UploadTag {
    /// The tag.
    pub tag: String,
    /// The file.
    pub upload_key: String,
    /// The session in which it was sent.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// The room in which it was sent.
    #[serde(default)]
    pub room_id: Option<RoomId>,
}

macro_rules! names {
    ($($name:literal => $variant:ident),+ $(,)?) => {
        impl Event {
            /// The vendor's name of the event, such as `on_room_created`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $name, )+
                    Self::Unknown { name, .. } => name,
                }
            }

            fn of(name: String, data: Value) -> Self {
                let known = match name.as_str() {
                    $( $name => read(&data).map(Self::$variant), )+
                    _ => None,
                };
                known.unwrap_or(Self::Unknown { name, data })
            }

            /// Every name that has a variant of its own.
            #[cfg(test)]
            const NAMES: &[&str] = &[$($name),+];
        }
    };
}

names! {
    "on_call_incoming" => CallIncoming,
    "on_call_ended" => CallEnded,
    "on_room_created" => RoomCreated,
    "on_room_disabled" => RoomDisabled,
    "on_room_deleted" => RoomDeleted,
    "on_room_new_feedback" => RoomFeedback,
    "on_session_started" => SessionStarted,
    "on_session_resumed" => SessionResumed,
    "on_session_paused" => SessionPaused,
    "on_session_ended" => SessionEnded,
    "on_user_connected" => UserConnected,
    "on_user_disconnected" => UserDisconnected,
    "on_recording_available" => RecordingAvailable,
    "on_broadcast_recording_available" => BroadcastRecordingAvailable,
    "on_broadcast_start" => BroadcastStarted,
    "on_broadcast_stop" => BroadcastStopped,
    "on_broadcast_pub_connected" => BroadcastPublisherConnected,
    "on_broadcast_pub_disconnected" => BroadcastPublisherDisconnected,
    "on_broadcast_sub_connected" => BroadcastSubscriberConnected,
    "on_broadcast_sub_disconnected" => BroadcastSubscriberDisconnected,
    "on_broadcast_new_feedback" => BroadcastFeedback,
    "on_message_sent" => MessageSent,
    "on_upload_tag_added" => UploadTagAdded,
    "on_upload_tag_removed" => UploadTagRemoved,
}

macro_rules! shown_by_name_alone {
    ($($name:ident),+ $(,)?) => {
        $(
            /// Without its content: links, messages and names are nobody's business.
            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )+
    };
}

shown_by_name_alone! {
    CallIncoming, RoomCreated, RoomClosed, RoomClosedLink, RoomFeedback, Session, UserPresence, RecordingAvailable,
    BroadcastRecording, Broadcast, BroadcastUser, BroadcastFeedback, MessageSent, UploadTag,
}

#[derive(Deserialize)]
struct Envelope {
    event: String,
    #[serde(default, deserialize_with = "lenient::text")]
    event_version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    namespace: Option<String>,
    #[serde(default, deserialize_with = "any_moment")]
    timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::text")]
    room_id: Option<String>,
    #[serde(default)]
    data: Value,
}

/// Reads an event, whatever the version. Check the signature over the same bytes first.
///
/// # Errors
///
/// [`ParseError`], when the body is larger than 1 MiB or no JSON object with an `event`.
pub fn parse(body: &[u8]) -> Result<Notification, ParseError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ParseError("is larger than 1 MiB"));
    }
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|_| ParseError("is no JSON object with the name of an event"))?;
    // Version 0 writes the data of some events as a text that holds JSON, and of others as an object.
    let mut data = match envelope.data {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        data => data,
    };
    let room_id = envelope.room_id.and_then(|id| RoomId::new(id).ok());
    if let (Some(room), Value::Object(fields)) = (&room_id, &mut data)
        && !["room_id", "roomAlias", "room", "broadcast_id"].iter().any(|name| fields.contains_key(*name))
    {
        fields.insert("room_id".to_owned(), room.as_str().into());
    }
    Ok(Notification {
        version: envelope.event_version,
        namespace: envelope.namespace,
        timestamp: envelope.timestamp,
        room_id,
        event: Event::of(envelope.event, data),
    })
}

fn read<T: DeserializeOwned>(data: &Value) -> Option<T> {
    T::deserialize(data).ok()
}

/// From here on a number is in milliseconds: as seconds it would be the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

fn any_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => match number.as_i64() {
            Some(number) if number >= MILLISECONDS_FROM => Timestamp::from_millisecond(number).ok(),
            Some(number) => Timestamp::from_second(number).ok(),
            None => None,
        },
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(lenient::seconds(deserializer)?.filter(|duration| !duration.is_zero()))
}

fn description<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Description>, D::Error> {
    Ok(lenient::text(deserializer)?.map(Description::new))
}

/// A number of people, or a list of them.
fn headcount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        Value::Array(people) => people.len().try_into().ok(),
        _ => None,
    })
}

fn room_or_its_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoomId, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Id(RoomId),
        Room { room_id: RoomId },
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Id(id) | Written::Room { room_id: id } => id,
    })
}

fn invited<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Id(UserId),
        Entry { user: Inner },
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "userAlias", alias = "user_id")]
        id: UserId,
    }
    let written = Vec::<Written>::deserialize(deserializer)?;
    Ok(written
        .into_iter()
        .map(|one| match one {
            Written::Id(id) | Written::Entry { user: Inner { id } } => id,
        })
        .collect())
}

/// Entries with a user. The sample of version 0 shows bare links, which belong to nobody and are left out.
fn invitees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<crate::rooms::Participant>, D::Error> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(alias = "user_id")]
        user: UserId,
        url: Option<JoinUrl>,
        #[serde(default, deserialize_with = "lenient::flag")]
        is_admin: Option<bool>,
        tools: Option<Tools>,
    }
    let entries = Vec::<Value>::deserialize(deserializer)?;
    let participant = |entry: Entry| crate::rooms::Participant {
        user_id: entry.user,
        join_url: entry.url,
        is_admin: entry.is_admin,
        tools: entry.tools,
    };
    Ok(entries.iter().filter_map(read).map(participant).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Event, Notification, parse};

    fn notification(body: &Value) -> Notification {
        parse(body.to_string().as_bytes()).unwrap()
    }

    fn v1(name: &str, data: Value) -> Event {
        let body = json!({"event": name, "event_version": "1.0", "namespace": "x", "timestamp": 1_709_630_000_123_i64,
                          "data": data});
        notification(&body).event
    }

    #[test]
    fn the_envelope_of_version_1_is_read() {
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
    fn data_of_version_0_may_be_an_object_or_a_text_that_holds_one() {
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
    fn the_room_of_the_envelope_stands_in_where_the_data_names_none() {
        let read = notification(&json!({"event": "on_call_ended", "room_id": "room_1", "data": {}}));
        assert!(matches!(read.event, Event::CallEnded(room) if room.room_id == "room_1"));
    }

    #[test]
    fn both_spellings_of_an_incoming_call_and_of_presence_are_read() {
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
    fn every_known_event_is_read_from_a_full_body_and_keeps_its_name() {
        let full = json!({"room_id": "r", "session_id": "s", "user_id": "u", "broadcast_id": "b", "rating": 5,
            "message": "m", "id": "IM1", "channel_id": "CH1", "sender": "u", "body": "x", "tag": "t", "upload_key": "a/b",
            "connected_participants": ["u", "v"], "deleted_links": [{"user_id": "u", "link": "https://h/x"}]});
        for name in Event::NAMES {
            let event = v1(name, full.clone());
            let ambiguous = *name == "on_broadcast_recording_available";
            assert_eq!(event.name(), *name);
            assert!(ambiguous || !matches!(event, Event::Unknown { .. }), "{name}");
        }
        assert_eq!(Event::NAMES.len(), 24);
        let recording = json!({"room_id": "bro_1", "session_id": "s"});
        assert!(matches!(v1("on_broadcast_recording_available", recording), Event::BroadcastRecordingAvailable(_)));
    }

    #[test]
    fn what_is_unknown_or_unlike_the_documents_keeps_everything() {
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
    fn whatever_comes_nothing_breaks_and_no_known_name_is_lost() {
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
    fn a_body_that_is_no_event_is_an_error() {
        let huge = vec![b' '; 2 * 1024 * 1024];
        for body in [&b""[..], b"[]", b"{}", br#"{"event": 7}"#, b"\xff", &huge] {
            assert!(parse(body).is_err());
        }
    }

    #[test]
    fn no_content_is_shown_by_debug() {
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
