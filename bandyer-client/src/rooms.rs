//! The rooms people meet in.
//!
//! A room cannot be changed once it exists, its id cannot be chosen, and each participant gets a personal link with the
//! answer to the creation. So a lost answer may leave a room behind: see [`CreateRoom`].

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::client::{Client, handle};
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::list::List;
use crate::http::request::Request;
use crate::model::ids::{RoomId, UserId};
use crate::model::open_enum::open_enum;
use crate::model::secret::JoinUrl;
use crate::signatures::Envelope;
use crate::uploads::{Scope, Upload, UploadFilter};
use crate::wire::{Lacking, v1, v2};

mod participants;
mod tools;

pub(crate) use self::participants::ParticipantChange;
pub use self::participants::{ParticipantFilter, RoomParticipants, UpdateParticipant};
pub use self::tools::{Tools, Whiteboard};

/// Fewest and most participants of a room. Source: the vendor's room page.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=25;
/// Shortest call time, in seconds. Source: the vendor's room page.
const MIN_DURATION_SECONDS: u64 = 60;

open_enum! {
    /// What a call starts with.
    pub enum CallType {
        /// Sound alone, for the whole call.
        AudioOnly = "audio_only",
        /// Sound first; video may be turned on.
        AudioUpgradable = "audio_upgradable",
        /// Sound and video.
        AudioVideo = "audio_video",
    }
}

open_enum! {
    /// Whether a call is recorded. The sandbox does not record.
    pub enum Recording {
        /// Never.
        Off = "none",
        /// From the beginning, one file a session.
        Automatic = "automatic",
        /// When an admin starts it.
        Manual = "manual",
    }
}

open_enum! {
    /// What a room is doing.
    pub enum RoomStatus {
        /// Nobody has met yet, or nobody is there now.
        NotRunning = "NOT_RUNNING",
        /// A call is going on.
        Running = "RUNNING",
        /// Deleted, ended, or its call time is used up.
        Closed = "CLOSED",
    }
}

/// A room. Everything but the id is optional, because generations and operations tell different parts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Room {
    /// The id.
    pub id: RoomId,
    /// Who may enter, with personal links. Empty in lists, and once the room is disabled.
    pub participants: Vec<Participant>,
    /// What the call starts with.
    pub call_type: Option<CallType>,
    /// Whether it is recorded. v1 often tells only whether, not how; then a recorded room says `Automatic`.
    pub recording: Option<Recording>,
    /// Whether a recording is going on (v2), such as `stopped`.
    pub recording_status: Option<String>,
    /// What the creator wrote about it. The vendor counts it as personal data, so `Debug` leaves it out.
    pub description: Option<Description>,
    /// What the room is doing.
    pub status: Option<RoomStatus>,
    /// Whether it can never be used again.
    pub disabled: Option<bool>,
    /// Whether using a link makes the others' devices ring.
    pub live: Option<bool>,
    /// The call time it was created with; `None` when unlimited or not told.
    pub max_duration: Option<Duration>,
    /// The call time used so far, of at least two people.
    pub used_duration: Option<Duration>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

impl Room {
    /// The participant with this user id.
    #[must_use]
    pub fn participant(&self, user: &UserId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.user_id == *user)
    }
}

/// The text that describes a room. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Description(Box<str>);

impl Description {
    pub(crate) fn new(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Description({} bytes)", self.0.len())
    }
}

/// Somebody who may enter a room.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Participant {
    /// Who.
    pub user_id: UserId,
    /// The personal link; `None` where the vendor does not repeat it.
    pub join_url: Option<JoinUrl>,
    /// Whether this person leads the call.
    pub is_admin: Option<bool>,
    /// What this person may use.
    pub tools: Option<Tools>,
}

/// Links are secrets and compare by their text.
impl PartialEq for Participant {
    fn eq(&self, other: &Self) -> bool {
        let link = |participant: &Self| participant.join_url.as_ref().map(|link| link.expose().to_owned());
        self.user_id == other.user_id
            && self.is_admin == other.is_admin
            && self.tools == other.tools
            && link(self) == link(other)
    }
}

/// Somebody who is to enter a new room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewParticipant {
    pub(crate) user_id: UserId,
    pub(crate) is_admin: bool,
    pub(crate) tools: Option<Tools>,
}

impl NewParticipant {
    /// A participant who does not lead the call and may use all tools.
    pub const fn new(user: UserId) -> Self {
        Self { user_id: user, is_admin: false, tools: None }
    }

    /// Lets this person lead the call: admit, mute and remove others, and record.
    pub const fn admin(mut self, yes: bool) -> Self {
        self.is_admin = yes;
        self
    }

    /// Limits the tools; all of them unless set.
    pub const fn tools(mut self, tools: Tools) -> Self {
        self.tools = Some(tools);
        self
    }
}

handle! {
    /// Operations on rooms; from [`Client::rooms`].
    Rooms
}

impl<'a> Rooms<'a> {
    /// Creates a room for 2 to 25 people, one of them at least a plus user.
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
    pub fn create(self, participants: impl IntoIterator<Item = NewParticipant>) -> CreateRoom<'a> {
        CreateRoom { client: self.client, new: NewRoom::of(participants.into_iter().collect()) }
    }

    /// Reads one room, with its links.
    pub fn get(self, id: &RoomId) -> Request<'a, Room> {
        self.client.both("get room", || v1::rooms::get(id), || v2::rooms::get(id))
    }

    /// Lists the company's rooms, newest first and without links.
    pub const fn list(self) -> List<'a, Room> {
        List::new(self.client, "list rooms", (), |version, (), window| {
            Ok(match version {
                ApiVersion::V1 => v1::rooms::list(window),
                ApiVersion::V2 => v2::rooms::list(window),
            })
        })
    }

    /// Closes a room for ever. Its links stop working; its statistics stay.
    pub fn disable(self, id: &RoomId) -> Request<'a, ()> {
        self.client.both("disable room", || v1::rooms::disable(id), || v2::rooms::disable(id))
    }

    /// Deletes a room. Its links stop working.
    pub fn delete(self, id: &RoomId) -> Request<'a, ()> {
        self.client.both("delete room", || v1::rooms::delete(id), || v2::rooms::delete(id))
    }

    /// The people of one room. v2 only.
    #[must_use]
    pub fn participants(self, id: &RoomId) -> RoomParticipants<'a> {
        RoomParticipants::new(self.client, id.clone())
    }

    /// Starts recording a room whose recording is [`Manual`](Recording::Manual). v2 only; it is not repeated once it may have
    /// reached the vendor, because somebody in the call may have stopped it in between.
    pub fn start_recording(self, id: &RoomId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "start recording", || v2::rooms::start_recording(id))
    }

    /// Stops recording. v2 only; not repeated once it may have reached the vendor.
    pub fn stop_recording(self, id: &RoomId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "stop recording", || v2::rooms::stop_recording(id))
    }

    /// Makes the devices of a room's people ring. v2 only; it is not repeated once it may have reached the vendor.
    pub fn ring(self, id: &RoomId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "ring room", || v2::rooms::ring(id))
    }

    /// Lists what was uploaded in one room. On v2 it is the list of [`Uploads`](crate::uploads::Uploads), narrowed.
    pub fn uploads(self, id: &RoomId) -> List<'a, Upload, UploadFilter> {
        UploadFilter::of(Scope::Room(id.clone())).list(self.client, "list room uploads")
    }

    /// Lists the signature envelopes of one room. v1 only; the path is known from one third-party client alone, and the
    /// shape of the answer is inferred.
    pub fn envelopes(self, id: &RoomId) -> List<'a, Envelope, RoomId> {
        List::new(self.client, "list room envelopes", id.clone(), |version, id, window| match version {
            ApiVersion::V1 => Ok(v1::signatures::envelopes_of_room(id, window)),
            ApiVersion::V2 => Err(Lacking::Operation),
        })
    }

    /// Starts a call between users without making a room first, and gives the caller's link. v1 only. How several callees
    /// are written is inferred: separated by commas. Not repeated once it may have reached the vendor.
    #[deprecated(note = "the vendor deprecates Fast Call; create a room instead")]
    pub fn fast_call(self, caller: &UserId, callees: &[UserId], record: bool) -> Request<'a, JoinUrl> {
        self.client.only(ApiVersion::V1, "fast call", || v1::rooms::fast_call(caller, callees, record))
    }
}

/// What a new room is made of.
#[derive(Clone)]
pub(crate) struct NewRoom {
    pub(crate) participants: Vec<NewParticipant>,
    pub(crate) call_type: Option<CallType>,
    pub(crate) recording: Option<Recording>,
    pub(crate) max_duration: Option<Duration>,
    pub(crate) live: Option<bool>,
    pub(crate) description: Option<String>,
    pub(crate) skips_landing_page: Option<bool>,
    pub(crate) initiator: Option<UserId>,
    pub(crate) offline_transcription: Option<bool>,
}

impl NewRoom {
    pub(crate) const fn of(participants: Vec<NewParticipant>) -> Self {
        Self {
            participants,
            call_type: None,
            recording: None,
            max_duration: None,
            live: None,
            description: None,
            skips_landing_page: None,
            initiator: None,
            offline_transcription: None,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if !PARTICIPANTS.contains(&self.participants.len()) {
            return Err("a room has 2 to 25 participants");
        }
        let mut users: Vec<&UserId> = self.participants.iter().map(|participant| &participant.user_id).collect();
        users.sort_unstable();
        if users.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("the same user is a participant twice");
        }
        if let Some(duration) = self.max_duration {
            if duration.subsec_nanos() != 0 {
                return Err("the duration is not a whole number of seconds");
            }
            if duration.as_secs() < MIN_DURATION_SECONDS {
                return Err("the duration is shorter than 60 seconds");
            }
        }
        Ok(())
    }
}

/// The creation of a room; from [`Rooms::create`].
///
/// Creating a room is not idempotent, so it is never repeated once it may have reached the vendor: an error whose
/// [`outcome`](Error::outcome) is [`Unknown`](crate::Outcome::Unknown) may have left a room behind. To find it, put
/// something unique and impersonal into the [`description`](Self::description) and look for it in
/// [`Rooms::list`].
#[derive(Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct CreateRoom<'a> {
    client: &'a Client,
    new: NewRoom,
}

impl<'a> CreateRoom<'a> {
    /// Chooses what the call starts with; sound and video unless set.
    pub fn call_type(mut self, kind: CallType) -> Self {
        self.new.call_type = Some(kind);
        self
    }

    /// Chooses whether the call is recorded; off unless set.
    pub fn recording(mut self, recording: Recording) -> Self {
        self.new.recording = Some(recording);
        self
    }

    /// Limits the call time, counted while at least two people are connected: whole seconds, at least 60. Unlimited
    /// unless set.
    pub const fn max_duration(mut self, duration: Duration) -> Self {
        self.new.max_duration = Some(duration);
        self
    }

    /// Makes the others' devices ring when somebody uses a link.
    pub const fn live(mut self, yes: bool) -> Self {
        self.new.live = Some(yes);
        self
    }

    /// Describes the room. The vendor counts this text as personal data; better keep people out of it.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.new.description = Some(text.into());
        self
    }

    /// Lets the links lead straight into the call. v1 only.
    pub const fn skip_landing_page(mut self, yes: bool) -> Self {
        self.new.skips_landing_page = Some(yes);
        self
    }

    /// Names who calls, where the call rings. v1 only.
    pub fn initiator(mut self, user: UserId) -> Self {
        self.new.initiator = Some(user);
        self
    }

    /// Has the recording written down afterwards; the call must be recorded, and the vendor's support must have switched
    /// this on for the company. v2 only.
    pub const fn offline_transcription(mut self, yes: bool) -> Self {
        self.new.offline_transcription = Some(yes);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, Room> {
        const OPERATION: &str = "create room";
        if let Err(detail) = self.new.check() {
            return Request::new(self.client, OPERATION, Err(Error::invalid_request(OPERATION, detail)));
        }
        let new = self.new;
        self.client.offered(OPERATION, |version| match version {
            ApiVersion::V1 if new.offline_transcription.is_some() => Err(Lacking::Part("transcribe")),
            ApiVersion::V1 => Ok(v1::rooms::create(&new)),
            ApiVersion::V2 if new.skips_landing_page.is_some() => Err(Lacking::Part("skip the landing page")),
            ApiVersion::V2 if new.initiator.is_some() => Err(Lacking::Part("name an initiator")),
            ApiVersion::V2 => Ok(v2::rooms::create(&new)),
        })
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; see [`CreateRoom`] for what to do when the outcome is unknown.
    pub async fn send(self) -> Result<Room> {
        self.into_request().send().await
    }
}

impl fmt::Debug for CreateRoom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateRoom").field("participants", &self.new.participants).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NewParticipant, NewRoom};
    use crate::model::ids::UserId;

    fn room(users: &[String], seconds: Option<f64>) -> NewRoom {
        let one = |id: &String| NewParticipant::new(UserId::new(id.as_str()).unwrap());
        NewRoom { max_duration: seconds.map(Duration::from_secs_f64), ..NewRoom::of(users.iter().map(one).collect()) }
    }

    #[test]
    fn the_vendors_limits_are_checked_before_anything_is_sent() {
        let users = |count: usize| (0..count).map(|n| format!("u{n}")).collect::<Vec<_>>();
        for (count, seconds, good) in [
            (1, None, false),
            (2, None, true),
            (25, None, true),
            (26, None, false),
            (2, Some(59.0), false),
            (2, Some(60.0), true),
            (2, Some(60.5), false),
        ] {
            assert_eq!(room(&users(count), seconds).check().is_ok(), good, "{count} {seconds:?}");
        }
        assert!(room(&["a".into(), "a".into()], None).check().is_err());
    }
}
