//! The events.
//!
//! Fields that only one webhook version sends are optional. An unknown event, or a known event that differs from its
//! documentation, is parsed as [`Event::Unknown`] with all its data, so no event is lost.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::readers::{Presence, any_timestamp, description, invited, invitees, read, user_count};
use crate::http::lenient;
use crate::rooms::{CallType, Description, RecordingMode};
use crate::types::ids::{BroadcastId, ChannelId, RoomId, SessionId, UploadKey, UserId};
use crate::types::secret::JoinUrl;

/// An event reported by the vendor.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// A call rings.
    CallIncoming(CallIncoming),
    /// A call ended.
    CallEnded(RoomClosed),
    /// A room was created.
    RoomCreated(RoomCreated),
    /// A room was disabled.
    RoomDisabled(RoomClosed),
    /// A room was deleted.
    RoomDeleted(RoomClosed),
    /// A user rated a call.
    RoomFeedback(RoomFeedback),
    /// A session started.
    SessionStarted(SessionEvent),
    /// A session resumed.
    SessionResumed(SessionEvent),
    /// A session paused.
    SessionPaused(SessionEvent),
    /// A session ended.
    SessionEnded(SessionEvent),
    /// A user joined.
    UserConnected(UserPresence),
    /// A user left.
    UserDisconnected(UserPresence),
    /// A recording is available.
    RecordingAvailable(RecordingAvailable),
    /// A recording of a broadcast is available.
    BroadcastRecordingAvailable(BroadcastRecording),
    /// A broadcast started.
    BroadcastStarted(BroadcastEvent),
    /// A broadcast ended.
    BroadcastStopped(BroadcastEvent),
    /// A publisher joined a broadcast.
    BroadcastPublisherConnected(BroadcastUser),
    /// A publisher left a broadcast.
    BroadcastPublisherDisconnected(BroadcastUser),
    /// A viewer joined a broadcast.
    BroadcastSubscriberConnected(BroadcastUser),
    /// A viewer left a broadcast.
    BroadcastSubscriberDisconnected(BroadcastUser),
    /// A user rated a broadcast.
    BroadcastFeedback(BroadcastFeedback),
    /// A chat message was sent.
    MessageSent(MessageSent),
    /// A tag was added to an upload.
    UploadTagAdded(UploadTag),
    /// A tag was removed from an upload.
    UploadTagRemoved(UploadTag),
    /// An event that is unknown to this crate or differs from its documentation.
    #[non_exhaustive]
    Unknown {
        /// The name, such as `on_transcription_available`.
        name: String,
        /// All data of the event. May contain personal data.
        data: Value,
    },
}

/// Shows only the name: events contain links, messages and names.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({:?})", self.name())
    }
}

/// A call that rings.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CallIncoming {
    /// The room.
    #[serde(rename = "roomAlias", alias = "room_id")]
    pub room_id: RoomId,
    /// The caller.
    #[serde(default)]
    pub initiator: Option<UserId>,
    /// The users who are called.
    #[serde(default, deserialize_with = "invited")]
    pub users: Vec<UserId>,
    /// The options of the call.
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub options: Option<CallOptions>,
}

/// The options of a call that rings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CallOptions {
    /// The call time limit; `None` if unlimited.
    #[serde(default, deserialize_with = "lenient::limit")]
    pub duration: Option<Duration>,
    /// Whether it is recorded.
    #[serde(default, rename = "record", deserialize_with = "lenient::flag")]
    pub recording: Option<bool>,
    /// How it is recorded.
    #[serde(default, rename = "recordingType")]
    pub recording_type: Option<RecordingMode>,
    /// When it was created.
    #[serde(default, rename = "creationDate", deserialize_with = "any_timestamp")]
    pub created_at: Option<Timestamp>,
    /// The media with which it starts.
    #[serde(default, rename = "callType")]
    pub call_type: Option<CallType>,
    /// Whether opening a link rings the other participants.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub live: Option<bool>,
}

/// A room that was created.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomCreated {
    /// The room.
    pub room_id: RoomId,
    /// The participants with their personal links.
    #[serde(default, alias = "user_urls", deserialize_with = "invitees")]
    pub participants: Vec<crate::rooms::Participant>,
    /// Whether it is recorded.
    #[serde(default, alias = "record", deserialize_with = "lenient::flag")]
    pub recording: Option<bool>,
    /// How it is recorded.
    #[serde(default)]
    pub recording_type: Option<RecordingMode>,
    /// The call time limit; `None` if unlimited.
    #[serde(default, deserialize_with = "lenient::limit")]
    pub duration: Option<Duration>,
    /// Whether opening a link rings the other participants.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub live: Option<bool>,
    /// Whether links skip the landing page (version 0).
    #[serde(default, rename = "directCall", deserialize_with = "lenient::flag")]
    pub skips_landing_page: Option<bool>,
    /// The media with which a call starts (version 1).
    #[serde(default)]
    pub call_type: Option<CallType>,
    /// The description set by the creator.
    #[serde(default, deserialize_with = "description")]
    pub description: Option<Description>,
}

/// A room that was disabled or deleted, or whose call ended.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomClosed {
    /// The room.
    pub room_id: RoomId,
    /// The links that no longer work (version 1).
    #[serde(default, alias = "disabled_links", alias = "deleted_links")]
    pub links: Vec<RoomClosedLink>,
    /// A human-readable message (version 0).
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
}

/// A link that no longer works.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomClosedLink {
    /// The user it belonged to.
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
    /// The user who rated.
    pub user_id: UserId,
    /// From 1 to 5.
    pub rating: u8,
    /// The comment of the user.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
}

/// A session that started, resumed, paused or ended.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct SessionEvent {
    /// The room.
    pub room_id: RoomId,
    /// The session (version 1).
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// The number of connected users.
    #[serde(default, alias = "connected_users", alias = "connected_participants", deserialize_with = "user_count")]
    pub connected: Option<u32>,
    /// When it happened.
    #[serde(default, deserialize_with = "any_timestamp")]
    pub timestamp: Option<Timestamp>,
    /// The call time, if the room has a limit.
    #[serde(default)]
    pub duration: Option<SessionTime>,
}

/// The call time of a room with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SessionTime {
    /// The limit; `None` if unlimited.
    #[serde(default, rename = "total_duration", deserialize_with = "lenient::limit")]
    pub total: Option<Duration>,
    /// The time used (version 1).
    #[serde(default, rename = "elapsed_time", deserialize_with = "lenient::seconds")]
    pub elapsed: Option<Duration>,
    /// The time left (version 0).
    #[serde(default, rename = "duration_remained", deserialize_with = "lenient::seconds")]
    pub remaining: Option<Duration>,
}

/// A user who joined or left.
#[derive(Clone, Deserialize)]
#[serde(from = "Presence")]
#[non_exhaustive]
pub struct UserPresence {
    /// The user.
    pub user_id: UserId,
    /// The room.
    pub room_id: RoomId,
    /// The session (version 1).
    pub session_id: Option<SessionId>,
    /// The number of connected users.
    pub connected: Option<u32>,
    /// The first name, if it is stored with the vendor (version 0).
    pub first_name: Option<String>,
    /// The last name, if it is stored with the vendor (version 0).
    pub last_name: Option<String>,
    /// The e-mail address, if it is stored with the vendor (version 0).
    pub email: Option<String>,
    /// When it happened (version 0).
    pub timestamp: Option<Timestamp>,
}

/// A recording that is available.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RecordingAvailable {
    /// The room.
    pub room_id: RoomId,
    /// The session that was recorded.
    pub session_id: SessionId,
    /// When the recording was created (version 0).
    #[serde(default, rename = "creationDate", deserialize_with = "any_timestamp")]
    pub created_at: Option<Timestamp>,
}

/// A recording of a broadcast that is available.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastRecording {
    /// The broadcast; `room_id` in version 0.
    #[serde(alias = "room_id")]
    pub broadcast_id: BroadcastId,
    /// The session that was recorded.
    pub session_id: SessionId,
    /// When the recording was created (version 0).
    #[serde(default, rename = "creationDate", deserialize_with = "any_timestamp")]
    pub created_at: Option<Timestamp>,
}

/// A broadcast that started or ended.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastEvent {
    /// The broadcast.
    pub broadcast_id: BroadcastId,
    /// The session.
    #[serde(default)]
    pub session_id: Option<SessionId>,
}

/// A user who joined or left a broadcast.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct BroadcastUser {
    /// The broadcast.
    pub broadcast_id: BroadcastId,
    /// The user.
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
    /// The user who rated.
    pub user_id: UserId,
    /// From 1 to 5.
    pub rating: u8,
    /// The comment of the user.
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
    pub channel_id: ChannelId,
    /// The members of the chat.
    #[serde(default)]
    pub participants: Vec<UserId>,
    /// The sender.
    pub sender: UserId,
    /// The text.
    pub body: String,
    /// The type; only `text` is documented.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// Attributes set by the sender's application: a string that contains JSON.
    #[serde(default, deserialize_with = "lenient::text")]
    pub attributes: Option<String>,
    /// The position in the chat.
    #[serde(default)]
    pub index: Option<u64>,
    /// When it was sent.
    #[serde(default, rename = "creation_date", deserialize_with = "any_timestamp")]
    pub created_at: Option<Timestamp>,
}

/// A tag that was added to or removed from an upload.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct UploadTag {
    /// The tag.
    pub tag: String,
    /// The upload.
    pub upload_key: UploadKey,
    /// When it happened.
    #[serde(default, deserialize_with = "any_timestamp")]
    pub timestamp: Option<Timestamp>,
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

            pub(super) fn of(name: String, data: Value) -> Self {
                let known = match name.as_str() {
                    $( $name => read(&data).map(Self::$variant), )+
                    _ => None,
                };
                known.unwrap_or(Self::Unknown { name, data })
            }

            /// All names with a variant.
            #[cfg(test)]
            pub(super) const NAMES: &[&str] = &[$($name),+];
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

macro_rules! debug_without_content {
    ($($name:ident),+ $(,)?) => {
        $(
            /// Without the content, which may include links, messages and names.
            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )+
    };
}

debug_without_content! {
    CallIncoming, RoomCreated, RoomClosed, RoomClosedLink, RoomFeedback, SessionEvent, UserPresence, RecordingAvailable,
    BroadcastRecording, BroadcastEvent, BroadcastUser, BroadcastFeedback, MessageSent, UploadTag,
}
