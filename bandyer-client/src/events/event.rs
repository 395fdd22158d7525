//! The events.
//!
//! Fields that only one webhook version sends are optional. An unknown event, or a known event that differs from its
//! documentation, is parsed as [`Event::Unknown`] with all its data, so no event is lost.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::readers::{invited, place, present_users, user_count};
use crate::rooms::{CallType, Description, Participant, RecordingMode};
use crate::types::ids::{BroadcastId, ChannelId, RoomId, SessionId, UploadKey, UserId};
use crate::types::model::{Lenient, limit, model};
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

model! {
    /// A call that rings.
    #[derive(Clone)]
    pub struct CallIncoming {
        required {
            /// The room.
            room_id: RoomId = "roomAlias" | "room_id",
        }
        optional {
            /// The caller.
            initiator: Option<UserId> = "initiator",
            /// The users who are called.
            users: Vec<UserId> = "users" via invited,
            /// The options of the call.
            options: Option<CallOptions> = "options",
        }
    }
}

model! {
    /// The options of a call that rings.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CallOptions {
        required {}
        optional {
            /// The call time limit; `None` if unlimited.
            duration: Option<Duration> = "duration" via limit,
            /// Whether it is recorded.
            recording: Option<bool> = "record",
            /// How it is recorded.
            recording_type: Option<RecordingMode> = "recordingType",
            /// When it was created.
            created_at: Option<Timestamp> = "creationDate",
            /// The media with which it starts.
            call_type: Option<CallType> = "callType",
            /// Whether opening a link rings the other participants.
            live: Option<bool> = "live",
        }
    }
}

model! {
    /// A room that was created.
    #[derive(Clone)]
    pub struct RoomCreated {
        required {
            /// The room.
            room_id: RoomId = "room_id",
        }
        optional {
            /// The participants with their personal links.
            participants: Vec<Participant> = "participants" | "user_urls",
            /// Whether it is recorded.
            recording: Option<bool> = "recording" | "record",
            /// How it is recorded.
            recording_type: Option<RecordingMode> = "recording_type",
            /// The call time limit; `None` if unlimited.
            duration: Option<Duration> = "duration" via limit,
            /// Whether opening a link rings the other participants.
            live: Option<bool> = "live",
            /// Whether links skip the landing page (version 0).
            skips_landing_page: Option<bool> = "directCall",
            /// The media with which a call starts (version 1).
            call_type: Option<CallType> = "call_type",
            /// The description set by the creator.
            description: Option<Description> = "description",
        }
    }
}

model! {
    /// A room that was disabled or deleted, or whose call ended.
    #[derive(Clone)]
    pub struct RoomClosed {
        required {
            /// The room.
            room_id: RoomId = "room_id",
        }
        optional {
            /// The links that no longer work (version 1).
            links: Vec<RoomClosedLink> = "links" | "disabled_links" | "deleted_links",
            /// A human-readable message (version 0).
            message: Option<String> = "message",
        }
    }
}

model! {
    /// A link that no longer works.
    #[derive(Clone)]
    pub struct RoomClosedLink {
        required {
            /// The user it belonged to.
            user_id: UserId = "user_id",
            /// The link.
            link: JoinUrl = "link",
        }
        optional {}
    }
}

model! {
    /// A rating of a call.
    #[derive(Clone)]
    pub struct RoomFeedback {
        required {
            /// The room.
            room_id: RoomId = "room_id",
            /// The session.
            session_id: SessionId = "session_id",
            /// The user who rated.
            user_id: UserId = "user_id",
            /// From 1 to 5.
            rating: u8 = "rating",
        }
        optional {
            /// The comment of the user.
            message: Option<String> = "message",
        }
    }
}

model! {
    /// A session that started, resumed, paused or ended.
    #[derive(Clone)]
    pub struct SessionEvent {
        required {
            /// The room.
            room_id: RoomId = "room_id",
        }
        optional {
            /// The session (version 1).
            session_id: Option<SessionId> = "session_id",
            /// The number of connected users.
            connected: Option<u32> = "connected_participants" | "connected_users" | "connected" via user_count,
            /// When it happened.
            timestamp: Option<Timestamp> = "timestamp",
            /// The call time, if the room has a limit.
            duration: Option<SessionTime> = "duration",
        }
    }
}

model! {
    /// The call time of a room with a limit.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct SessionTime {
        required {}
        optional {
            /// The limit; `None` if unlimited.
            total: Option<Duration> = "total_duration" via limit,
            /// The time used (version 1).
            elapsed: Option<Duration> = "elapsed_time",
            /// The time left (version 0).
            remaining: Option<Duration> = "duration_remained",
        }
    }
}

model! {
    /// A user who joined or left.
    #[derive(Clone)]
    pub struct UserPresence {
        required {
            /// The user.
            user_id: UserId = "user_id",
            /// The room.
            room_id: RoomId = "room_id" | "room" via place,
        }
        optional {
            /// The session (version 1).
            session_id: Option<SessionId> = "session_id",
            /// The number of connected users.
            connected: Option<u32> = "connected_users_count" via present_users,
            /// The first name, if it is stored with the vendor (version 0).
            first_name: Option<String> = "first_name",
            /// The last name, if it is stored with the vendor (version 0).
            last_name: Option<String> = "last_name",
            /// The e-mail address, if it is stored with the vendor (version 0).
            email: Option<String> = "email",
            /// When it happened (version 0).
            timestamp: Option<Timestamp> = "timestamp",
        }
    }
}

model! {
    /// A recording that is available.
    #[derive(Clone)]
    pub struct RecordingAvailable {
        required {
            /// The room.
            room_id: RoomId = "room_id",
            /// The session that was recorded.
            session_id: SessionId = "session_id",
        }
        optional {
            /// When the recording was created (version 0).
            created_at: Option<Timestamp> = "creationDate",
        }
    }
}

model! {
    /// A recording of a broadcast that is available.
    #[derive(Clone)]
    pub struct BroadcastRecording {
        required {
            /// The broadcast; `room_id` in version 0.
            broadcast_id: BroadcastId = "broadcast_id" | "room_id",
            /// The session that was recorded.
            session_id: SessionId = "session_id",
        }
        optional {
            /// When the recording was created (version 0).
            created_at: Option<Timestamp> = "creationDate",
        }
    }
}

model! {
    /// A broadcast that started or ended.
    #[derive(Clone)]
    pub struct BroadcastEvent {
        required {
            /// The broadcast.
            broadcast_id: BroadcastId = "broadcast_id",
        }
        optional {
            /// The session.
            session_id: Option<SessionId> = "session_id",
        }
    }
}

model! {
    /// A user who joined or left a broadcast.
    #[derive(Clone)]
    pub struct BroadcastUser {
        required {
            /// The broadcast.
            broadcast_id: BroadcastId = "broadcast_id",
            /// The user.
            user_id: UserId = "user_id",
        }
        optional {
            /// The session (version 1).
            session_id: Option<SessionId> = "session_id",
        }
    }
}

model! {
    /// A rating of a broadcast.
    #[derive(Clone)]
    pub struct BroadcastFeedback {
        required {
            /// The broadcast.
            broadcast_id: BroadcastId = "broadcast_id",
            /// The session.
            session_id: SessionId = "session_id",
            /// The user who rated.
            user_id: UserId = "user_id",
            /// From 1 to 5.
            rating: u8 = "rating",
        }
        optional {
            /// The comment of the user.
            message: Option<String> = "message",
        }
    }
}

model! {
    /// A message in a chat.
    #[derive(Clone)]
    pub struct MessageSent {
        required {
            /// The message.
            id: String = "id",
            /// The chat.
            channel_id: ChannelId = "channel_id",
            /// The sender.
            sender: UserId = "sender",
            /// The text.
            body: String = "body",
        }
        optional {
            /// The members of the chat.
            participants: Vec<UserId> = "participants",
            /// The type; only `text` is documented.
            kind: Option<String> = "type",
            /// Attributes set by the sender's application: a string that contains JSON.
            attributes: Option<String> = "attributes",
            /// The position in the chat.
            index: Option<u64> = "index",
            /// When it was sent.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

model! {
    /// A tag that was added to or removed from an upload.
    #[derive(Clone)]
    pub struct UploadTag {
        required {
            /// The tag.
            tag: String = "tag",
            /// The upload.
            upload_key: UploadKey = "upload_key",
        }
        optional {
            /// When it happened.
            timestamp: Option<Timestamp> = "timestamp",
            /// The session in which it was sent.
            session_id: Option<SessionId> = "session_id",
            /// The room in which it was sent.
            room_id: Option<RoomId> = "room_id",
        }
    }
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

            pub(super) fn data(&self) -> Value {
                match self {
                    $( Self::$variant(data) => data.write(), )+
                    Self::Unknown { data, .. } => data.clone(),
                }
            }

            pub(super) fn of(name: String, data: Value) -> Self {
                let known = match name.as_str() {
                    $( $name => Lenient::read(&data).map(Self::$variant), )+
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
