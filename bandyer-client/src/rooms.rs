//! Rooms for video calls.
//!
//! The vendor chooses the id of a room and returns the personal access links of the participants in the response to its
//! creation. If that response is lost, an unused room may remain: see [`CreateRoom`]. A room cannot be changed after
//! its creation, except for its participants on v2.

mod json;
pub(crate) mod v1;
mod v1_only;
pub(crate) mod v2;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::json::recording;
use self::statistics::dial_info;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::types::ids::{RoomId, UserId};
use crate::types::model::{lenient_by_serde, limit, model};
use crate::types::open_enum::open_enum;
use crate::types::secret::JoinUrl;
use crate::uploads::{Scope, Upload, UploadFilter};

mod create;
mod participants;
mod statistics;
mod tools;

pub use self::create::CreateRoom;
pub(crate) use self::create::NewRoom;
pub(crate) use self::participants::ParticipantChange;
pub use self::participants::{ParticipantFilter, RoomParticipants, UpdateParticipant};
pub use self::statistics::{Presence, RoomEvent, RoomSession, RoomStatistics};
pub use self::tools::{Tools, Whiteboard};
pub use self::v1_only::V1Rooms;

open_enum! {
    /// The media of a call.
    pub enum CallType {
        /// Audio only, for the whole call.
        AudioOnly = "audio_only",
        /// Audio first; video can be turned on.
        AudioUpgradable = "audio_upgradable",
        /// Audio and video.
        AudioVideo = "audio_video",
    }
}

open_enum! {
    /// Whether a call is recorded. The sandbox does not record.
    pub enum RecordingMode {
        /// Never.
        Off = "none",
        /// From the beginning, one file per session.
        Automatic = "automatic",
        /// When an admin starts it.
        Manual = "manual",
    }
}

open_enum! {
    /// The state of a room.
    pub enum RoomStatus {
        /// No call has taken place yet, or none is in progress.
        NotRunning = "NOT_RUNNING",
        /// A call is in progress.
        Running = "RUNNING",
        /// The room was deleted or ended, or its call time is used up.
        Closed = "CLOSED",
    }
}

model! {
    /// A room. Every field except the id is optional, because API versions and operations return different fields.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::rooms::{Participant, Room, RoomStatus};
    /// use bandyer_client::{JoinUrl, RoomId, UserId};
    ///
    /// let mut patient = Participant::new(UserId::new("pat-0042")?);
    /// patient.join_url = Some(JoinUrl::from("https://acme.bandyer.com/connect/0011"));
    /// let mut room = Room::new(RoomId::new("room_3f9a1c77b2de")?);
    /// room.participants = vec![patient];
    /// room.status = Some(RoomStatus::Running);
    /// let stored = serde_json::to_string(&room)?; // contains the link
    /// assert_eq!(serde_json::from_str::<Room>(&stored)?, room);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug, Clone, PartialEq)]
    pub struct Room {
        required {
            /// The id.
            id: RoomId = "id" | "room_id",
        }
        optional {
            /// The participants with their access links. Empty in lists, and after the room was disabled.
            participants: Vec<Participant> = "participants" | "user_urls",
            /// The media of the call.
            call_type: Option<CallType> = "call_type",
            /// Whether the call is recorded. v1 often returns only whether it is, not how; this is then `Automatic`.
            recording: Option<RecordingMode> = "recording" via recording,
            /// The state of the recording, such as `stopped` (v2).
            recording_status: Option<String> = "recording_status",
            /// The description set at creation. The vendor treats it as personal data, so `Debug` leaves it out.
            description: Option<Description> = "description",
            /// The state of the room.
            status: Option<RoomStatus> = "status",
            /// Whether the room is permanently closed.
            disabled: Option<bool> = "disabled",
            /// Whether the devices of the other participants ring when a link is opened.
            live: Option<bool> = "live",
            /// The maximum call time; `None` if it is unlimited or not part of the response.
            max_duration: Option<Duration> = "duration" via limit,
            /// The call time used so far, counted while at least two people are connected.
            used_duration: Option<Duration> = "duration_used" | "durationUsed",
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date" | "creationDate",
            /// The calls that took place, when a single room is read on v1. On v2, see
            /// [`Sessions`](crate::sessions::Sessions).
            statistics: Option<RoomStatistics> = "dialInfo" via dial_info,
        }
    }
}

impl Room {
    /// The participant with this user id.
    #[must_use]
    pub fn participant(&self, user: &UserId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.user_id == *user)
    }
}

/// The description of a room. Its `Debug` shows only the length.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Description(Box<str>);

lenient_by_serde!(Description);

impl Description {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

impl From<&str> for Description {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Description({} bytes)", self.0.len())
    }
}

model! {
    /// A participant of a room.
    #[derive(Debug, Clone)]
    pub struct Participant {
        required {
            /// The user.
            user_id: UserId = "user_id" | "user" | "id",
        }
        optional {
            /// The personal access link; `None` if the response does not contain it.
            join_url: Option<JoinUrl> = "url" | "link" | "access_link",
            /// Whether this participant is an admin of the call.
            is_admin: Option<bool> = "is_admin",
            /// The tools that this participant may use.
            tools: Option<Tools> = "tools",
        }
    }
}

/// Compares access links by their text.
impl PartialEq for Participant {
    fn eq(&self, other: &Self) -> bool {
        let link = |participant: &Self| participant.join_url.as_ref().map(|link| link.expose().to_owned());
        self.user_id == other.user_id
            && self.is_admin == other.is_admin
            && self.tools == other.tools
            && link(self) == link(other)
    }
}

/// A participant to be added to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewParticipant {
    pub(crate) user_id: UserId,
    pub(crate) is_admin: bool,
    pub(crate) tools: Option<Tools>,
}

impl From<UserId> for NewParticipant {
    fn from(user: UserId) -> Self {
        Self::new(user)
    }
}

impl NewParticipant {
    /// Creates a participant who is not an admin and may use all tools.
    pub const fn new(user: UserId) -> Self {
        Self { user_id: user, is_admin: false, tools: None }
    }

    /// Makes this participant an admin of the call, who can admit, mute and remove others, and record.
    pub const fn admin(mut self, yes: bool) -> Self {
        self.is_admin = yes;
        self
    }

    /// Sets the tools that this participant may use; all by default.
    pub const fn tools(mut self, tools: Tools) -> Self {
        self.tools = Some(tools);
        self
    }
}

handle! {
    /// Operations on rooms; from [`Client::rooms`](crate::Client::rooms).
    Rooms
}

impl Rooms {
    /// Creates a room for 2 to 25 participants, of whom at least one is a plus user.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::rooms::NewParticipant;
    ///
    /// let doctor = NewParticipant::new(UserId::new("doc-0007")?).admin(true);
    /// let patient = NewParticipant::new(UserId::new("pat-0042")?);
    /// let room = client.rooms().create([doctor, patient]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, participants: impl IntoIterator<Item = impl Into<NewParticipant>>) -> CreateRoom {
        CreateRoom::new(self.connection.clone(), participants.into_iter().map(Into::into).collect())
    }

    /// Reads one room, with its access links.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, RoomId, UserId};
    /// # async fn run(client: Client, room: RoomId, user: UserId) -> bandyer_client::Result<()> {
    /// let room = client.rooms().get(&room).send().await?;
    /// let link = room.participant(&user).and_then(|one| one.join_url.as_ref());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: &RoomId) -> Request<Room> {
        self.connection.request(Operation::GetRoom, |version| match version {
            ApiVersion::V1 => v1::get(id),
            ApiVersion::V2 => v2::get(id),
        })
    }

    /// Lists the company's rooms, newest first and without access links.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let newest = client.rooms().list().page_size(10).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Room> {
        List::new(&self.connection, Operation::ListRooms, (), |version, (), window| {
            Ok(match version {
                ApiVersion::V1 => v1::list(window),
                ApiVersion::V2 => v2::list(window),
            })
        })
    }

    /// Closes a room permanently. Its access links stop working; its statistics remain.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// client.rooms().disable(&room).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn disable(&self, id: &RoomId) -> Request<()> {
        self.connection.request(Operation::DisableRoom, |version| match version {
            ApiVersion::V1 => v1::disable(id),
            ApiVersion::V2 => v2::disable(id),
        })
    }

    /// Deletes a room. Its access links stop working.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// client.rooms().delete(&room).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: &RoomId) -> Request<()> {
        self.connection.request(Operation::DeleteRoom, |version| match version {
            ApiVersion::V1 => v1::delete(id),
            ApiVersion::V2 => v2::delete(id),
        })
    }

    #[doc = v2_only!()]
    /// The participants of one room.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let people = client.rooms().participants(&room).list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn participants(&self, id: &RoomId) -> RoomParticipants {
        RoomParticipants::new(self.connection.clone(), id.clone())
    }

    #[doc = v2_only!()]
    /// Starts recording a room whose recording is [`Manual`](RecordingMode::Manual).
    ///
    /// Not retried once it may have reached the vendor, because a participant may have stopped the recording in
    /// between.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// client.rooms().start_recording(&room).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_recording(&self, id: &RoomId) -> Request<()> {
        self.connection.request(Operation::StartRecording, |_| v2::start_recording(id))
    }

    #[doc = v2_only!()]
    /// Stops recording. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// client.rooms().stop_recording(&room).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_recording(&self, id: &RoomId) -> Request<()> {
        self.connection.request(Operation::StopRecording, |_| v2::stop_recording(id))
    }

    #[doc = v2_only!()]
    /// Makes the devices of a room's participants ring. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// client.rooms().ring(&room).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ring(&self, id: &RoomId) -> Request<()> {
        self.connection.request(Operation::RingRoom, |_| v2::ring(id))
    }

    /// Lists the uploads of one room. On v2 this is the list of [`Uploads`](crate::uploads::Uploads) with a filter.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let uploads = client.rooms().uploads(&room).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploads(&self, id: &RoomId) -> List<Upload, UploadFilter> {
        // v2 narrows the list of all uploads.
        let operation = match self.connection.version() {
            ApiVersion::V1 => Operation::ListRoomUploads,
            ApiVersion::V2 => Operation::ListUploads,
        };
        UploadFilter::of(Scope::Room(id.clone())).list(&self.connection, operation)
    }
}
