//! What users did with the vendor's SDKs. First generation alone.

use jiff::Timestamp;

use crate::client::handle;
use crate::config::ApiVersion;
use crate::http::list::List;
use crate::model::ids::{RoomId, UserId};
use crate::model::open_enum::open_enum;
use crate::rooms::CallType;
use crate::wire::{Lacking, v1};

open_enum! {
    /// What somebody did.
    pub enum ActivityKind {
        /// Opened the SDK.
        Connection = "user_connection",
        /// Closed it.
        Disconnection = "user_disconnection",
        /// Began a call.
        StartedCall = "user_start_call",
        /// Was called.
        DialIncoming = "user_dial_incoming",
        /// Was called and did not answer.
        DialTimeout = "user_dial_timeout",
        /// Answered.
        Answered = "user_answer",
        /// Hung up.
        HungUp = "user_hangup",
        /// Entered a call.
        CallIn = "user_call_in",
        /// Left a call.
        CallOut = "user_call_out",
        /// Was in a room that ended.
        RoomEnded = "user_room_ended",
    }
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// What.
    pub kind: ActivityKind,
    /// Who.
    pub user_id: UserId,
    /// When.
    pub at: Option<Timestamp>,
    /// Where, if it was in a room.
    pub room: Option<ActivityRoom>,
}

/// The room of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityRoom {
    /// The room.
    pub id: RoomId,
    /// Whether it is recorded.
    pub recording: Option<bool>,
    /// Who was invited.
    pub users: Vec<UserId>,
    /// Who called.
    pub initiator: Option<UserId>,
    /// What the call started with.
    pub call_type: Option<CallType>,
}

/// What a list of activities is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    pub(crate) user: Option<UserId>,
    pub(crate) room: Option<RoomId>,
    pub(crate) kind: Option<ActivityKind>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

impl List<'_, Activity, ActivityFilter> {
    /// Asks for what one user did.
    pub fn user(mut self, user: &UserId) -> Self {
        self.filter.user = Some(user.clone());
        self
    }

    /// Asks for what was done in one room.
    pub fn room(mut self, room: &RoomId) -> Self {
        self.filter.room = Some(room.clone());
        self
    }

    /// Asks for one kind.
    pub fn kind(mut self, kind: ActivityKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Asks for what was done at this moment or later.
    pub const fn from(mut self, moment: Timestamp) -> Self {
        self.filter.from = Some(moment);
        self
    }

    /// Asks for what was done at this moment or earlier.
    pub const fn to(mut self, moment: Timestamp) -> Self {
        self.filter.to = Some(moment);
        self
    }
}

handle! {
    /// The log of what users did; from [`Client::activity`](crate::Client::activity).
    ///
    /// v1 only: on v2 it ends in [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::activity::ActivityKind;
    ///
    /// let patient = UserId::new("pat-0042")?;
    /// let calls = client.activity().list().user(&patient).kind(ActivityKind::CallIn).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    ActivityLog
}

impl<'a> ActivityLog<'a> {
    /// Lists what users did. The vendor does not tell whether there is more, so with a page size a full page is taken for
    /// one that is followed by another. It is asked for with GET, as the vendor's sample is; another line of the same page
    /// says POST.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let what = client.activity().list().room(&room).page_size(50).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(self) -> List<'a, Activity, ActivityFilter> {
        List::new(self.client, "list activity", ActivityFilter::default(), |version, filter, window| match version {
            ApiVersion::V1 => Ok(v1::activity::list(filter, window)),
            ApiVersion::V2 => Err(Lacking::Operation),
        })
    }
}
