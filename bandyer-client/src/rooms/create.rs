//! The creation of a room.

use crate::operations::Operation;
use std::fmt;
use std::time::Duration;

use super::{CallType, NewParticipant, RecordingMode, Room};
use super::{v1, v2};
use crate::error::Result;
use crate::http::call::Unsendable;
use crate::http::connection::Connection;
use crate::http::request::{Request, awaitable};
use crate::types::api_version::{ApiVersion, v1_only, v2_only};
use crate::types::ids::UserId;

/// Allowed numbers of participants of a room. Source: the vendor's room page.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=25;
/// Minimum call time, in seconds. Source: the vendor's room page.
const MIN_DURATION_SECONDS: u64 = 60;

/// The fields of a new room.
#[derive(Clone)]
pub(crate) struct NewRoom {
    pub(crate) participants: Vec<NewParticipant>,
    pub(crate) call_type: Option<CallType>,
    pub(crate) recording: Option<RecordingMode>,
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

/// The creation of a room; from [`Rooms::create`](super::Rooms::create).
///
/// Creating a room is not idempotent, so the request is never retried once it may have reached the vendor. If it fails
/// with the [`outcome`](crate::Error::outcome) [`Unknown`](crate::Outcome::Unknown), the room may exist nevertheless. To find
/// it, set a unique [`description`](Self::description) without personal data, and search for it in
/// [`Rooms::list`](super::Rooms::list).
///
/// ```no_run
/// # use bandyer_client::{Client, rooms::NewParticipant};
/// # async fn run(client: Client, people: [NewParticipant; 2]) -> bandyer_client::Result<()> {
/// use std::time::Duration;
/// use bandyer_client::rooms::{CallType, RecordingMode};
///
/// let visit = client.rooms().create(people).call_type(CallType::AudioVideo).recording(RecordingMode::Manual);
/// let room = visit.max_duration(Duration::from_secs(30 * 60)).description("visit-4711").send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateRoom {
    connection: Connection,
    new: NewRoom,
}

awaitable!(CreateRoom => Room);

impl CreateRoom {
    pub(super) const fn new(connection: Connection, participants: Vec<NewParticipant>) -> Self {
        Self { connection, new: NewRoom::of(participants) }
    }

    /// Sets the media of the call; audio and video by default.
    pub fn call_type(mut self, kind: CallType) -> Self {
        self.new.call_type = Some(kind);
        self
    }

    /// Sets whether the call is recorded; off by default.
    pub fn recording(mut self, recording: RecordingMode) -> Self {
        self.new.recording = Some(recording);
        self
    }

    /// Sets the maximum call time, counted while at least two people are connected: whole seconds, at least 60.
    /// Unlimited by default.
    pub const fn max_duration(mut self, duration: Duration) -> Self {
        self.new.max_duration = Some(duration);
        self
    }

    /// Sets whether the devices of the other participants ring when a link is opened.
    pub const fn live(mut self, yes: bool) -> Self {
        self.new.live = Some(yes);
        self
    }

    /// Sets the description of the room. The vendor treats it as personal data; avoid naming people in it.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.new.description = Some(text.into());
        self
    }

    #[doc = v1_only!()]
    /// Sets whether the access links skip the landing page.
    pub const fn skip_landing_page(mut self, yes: bool) -> Self {
        self.new.skips_landing_page = Some(yes);
        self
    }

    #[doc = v1_only!()]
    /// Sets the caller, for rooms whose calls ring.
    pub fn initiator(mut self, user: UserId) -> Self {
        self.new.initiator = Some(user);
        self
    }

    #[doc = v2_only!()]
    /// Sets whether the recording is transcribed after the call. The call must be recorded, and the vendor's support
    /// must have enabled transcription for the company.
    pub const fn offline_transcription(mut self, yes: bool) -> Self {
        self.new.offline_transcription = Some(yes);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<Room> {
        let new = self.new;
        self.connection.try_request(Operation::CreateRoom, |version| {
            new.check()?;
            match version {
                ApiVersion::V1 if new.offline_transcription.is_some() => Err(Unsendable::Unsupported("transcribe")),
                ApiVersion::V1 => Ok(v1::create(&new)),
                ApiVersion::V2 if new.skips_landing_page.is_some() => {
                    Err(Unsendable::Unsupported("skip the landing page"))
                }
                ApiVersion::V2 if new.initiator.is_some() => Err(Unsendable::Unsupported("name an initiator")),
                ApiVersion::V2 => Ok(v2::create(&new)),
            }
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; see [`CreateRoom`] for what to do when the outcome is unknown.
    pub async fn send(self) -> Result<Room> {
        self.into_request().send().await
    }
}

impl fmt::Debug for CreateRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateRoom").field("participants", &self.new.participants).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::NewParticipant;
    use super::NewRoom;
    use crate::types::ids::UserId;

    fn room(users: &[String], seconds: Option<f64>) -> NewRoom {
        let participant = |id: &String| NewParticipant::new(UserId::new(id.as_str()).unwrap());
        NewRoom {
            max_duration: seconds.map(Duration::from_secs_f64),
            ..NewRoom::of(users.iter().map(participant).collect())
        }
    }

    #[test]
    fn vendor_limits_are_checked_before_sending() {
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
