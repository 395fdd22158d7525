//! What happened.
//!
//! Fields that only one version of the webhooks sends are optional. An event that is not known, or that is known and
//! looks different from what is documented, comes as [`Event::Unknown`] with everything it holds: none is lost.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::readers::{Presence, any_moment, description, headcount, invited, invitees, read};
use crate::model::ids::{BroadcastId, ChannelId, RoomId, SessionId, UploadKey, UserId};
use crate::model::secret::JoinUrl;
use crate::rooms::{CallType, Description, Recording};
use crate::wire::lenient;

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
    #[non_exhaustive]
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
    /// What was chosen for the call.
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub options: Option<CallOptions>,
}

/// What was chosen for a call that rings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CallOptions {
    /// Longest call time; none when unlimited.
    #[serde(default, deserialize_with = "lenient::limit")]
    pub duration: Option<Duration>,
    /// Whether it is recorded.
    #[serde(default, rename = "record", deserialize_with = "lenient::flag")]
    pub recording: Option<bool>,
    /// How it is recorded.
    #[serde(default, rename = "recordingType")]
    pub recording_type: Option<Recording>,
    /// When it was made.
    #[serde(default, rename = "creationDate", deserialize_with = "any_moment")]
    pub created_at: Option<Timestamp>,
    /// What it starts with.
    #[serde(default, rename = "callType")]
    pub call_type: Option<CallType>,
    /// Whether links make the others ring.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub live: Option<bool>,
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
    /// How it is recorded.
    #[serde(default)]
    pub recording_type: Option<Recording>,
    /// Longest call time; none when unlimited.
    #[serde(default, deserialize_with = "lenient::limit")]
    pub duration: Option<Duration>,
    /// Whether links make the others ring.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub live: Option<bool>,
    /// Whether links lead straight into the call (version 0).
    #[serde(default, rename = "directCall", deserialize_with = "lenient::flag")]
    pub skips_landing_page: Option<bool>,
    /// What a call starts with (version 1).
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
    /// A sentence for people (version 0).
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
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
    #[serde(default, rename = "total_duration", deserialize_with = "lenient::limit")]
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
#[serde(from = "Presence")]
#[non_exhaustive]
pub struct UserPresence {
    /// Who.
    pub user_id: UserId,
    /// The room.
    pub room_id: RoomId,
    /// The session (version 1).
    pub session_id: Option<SessionId>,
    /// How many are there now.
    pub connected: Option<u32>,
    /// The first name, where one is still stored with the vendor (version 0).
    pub first_name: Option<String>,
    /// The last name, likewise.
    pub last_name: Option<String>,
    /// The e-mail address, likewise.
    pub email: Option<String>,
    /// When it happened (version 0).
    pub timestamp: Option<Timestamp>,
}

/// A recording that can be downloaded.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RecordingAvailable {
    /// The room.
    pub room_id: RoomId,
    /// The session that was recorded.
    pub session_id: SessionId,
    /// When the recording was made (version 0).
    #[serde(default, rename = "creationDate", deserialize_with = "any_moment")]
    pub created_at: Option<Timestamp>,
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
    /// When the recording was made (version 0).
    #[serde(default, rename = "creationDate", deserialize_with = "any_moment")]
    pub created_at: Option<Timestamp>,
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
    pub channel_id: ChannelId,
    /// Who is in the chat.
    #[serde(default)]
    pub participants: Vec<UserId>,
    /// Who wrote.
    pub sender: UserId,
    /// What was written.
    pub body: String,
    /// What it is; only `text` is documented.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// What its author's program attached: a text that holds JSON.
    #[serde(default, deserialize_with = "lenient::text")]
    pub attributes: Option<String>,
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
    pub upload_key: UploadKey,
    /// When it happened.
    #[serde(default, deserialize_with = "any_moment")]
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

            /// Every name that has a variant of its own.
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
