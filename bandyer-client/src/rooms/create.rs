//! The creation of a room.

use std::fmt;
use std::time::Duration;

use super::{CallType, NewParticipant, Recording, Room};
use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::model::ids::UserId;
use crate::wire::{Lacking, v1, v2};

/// Fewest and most participants of a room. Source: the vendor's room page.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=25;
/// Shortest call time, in seconds. Source: the vendor's room page.
const MIN_DURATION_SECONDS: u64 = 60;

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

/// The creation of a room; from [`Rooms::create`](super::Rooms::create).
///
/// Creating a room is not idempotent, so it is never repeated once it may have reached the vendor: an error whose
/// [`outcome`](Error::outcome) is [`Unknown`](crate::Outcome::Unknown) may have left a room behind. To find it, put
/// something unique and impersonal into the [`description`](Self::description) and look for it in
/// [`Rooms::list`](super::Rooms::list).
///
/// ```no_run
/// # use bandyer_client::{Client, rooms::NewParticipant};
/// # async fn run(client: Client, people: [NewParticipant; 2]) -> bandyer_client::Result<()> {
/// use std::time::Duration;
/// use bandyer_client::rooms::{CallType, Recording};
///
/// let visit = client.rooms().create(people).call_type(CallType::AudioVideo).recording(Recording::Manual);
/// let room = visit.max_duration(Duration::from_secs(30 * 60)).description("visit-4711").send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct CreateRoom<'a> {
    client: &'a Client,
    new: NewRoom,
}

impl<'a> CreateRoom<'a> {
    pub(super) const fn new(client: &'a Client, participants: Vec<NewParticipant>) -> Self {
        Self { client, new: NewRoom::of(participants) }
    }

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

    use super::super::NewParticipant;
    use super::NewRoom;
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
