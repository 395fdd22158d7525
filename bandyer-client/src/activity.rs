//! The log of what users did with the vendor's SDKs. v1 only.

pub(crate) mod v1;

use jiff::Timestamp;

use crate::http::connection::handle;
use crate::http::list::List;
use crate::operations::Operation;
use crate::rooms::CallType;
use crate::types::api_version::v1_only;
use crate::types::ids::{RoomId, UserId};
use crate::types::model::model;
use crate::types::open_enum::open_enum;

open_enum! {
    /// The kind of an activity.
    pub enum ActivityKind {
        /// The user connected to the SDK.
        Connection = "user_connection",
        /// The user disconnected from the SDK.
        Disconnection = "user_disconnection",
        /// The user started a call.
        StartedCall = "user_start_call",
        /// The user was called.
        DialIncoming = "user_dial_incoming",
        /// The user was called and did not pick up.
        DialTimeout = "user_dial_timeout",
        /// The user picked up a call.
        Answered = "user_answer",
        /// The user hung up.
        HungUp = "user_hangup",
        /// The user entered a call.
        CallIn = "user_call_in",
        /// The user left a call.
        CallOut = "user_call_out",
        /// The user was in a room that ended.
        RoomEnded = "user_room_ended",
    }
}

model! {
    /// One entry of the activity log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Activity {
        required {
            /// What happened.
            kind: ActivityKind = "activity_type",
            /// The user who did it.
            user_id: UserId = "user_alias",
        }
        optional {
            /// When it happened.
            at: Option<Timestamp> = "creation_date",
            /// The room it happened in, if any.
            room: Option<ActivityRoom> = "room",
        }
    }
}

model! {
    /// The room of an activity.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ActivityRoom {
        required {
            /// The room.
            id: RoomId = "room_alias",
        }
        optional {
            /// Whether the call is recorded.
            recording: Option<bool> = "recording",
            /// The users who were invited.
            users: Vec<UserId> = "users",
            /// The user who started the call.
            initiator: Option<UserId> = "initiator",
            /// The media that the call started with.
            call_type: Option<CallType> = "call_type",
        }
    }
}

/// The filter of a list of activities.
#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    pub(crate) user: Option<UserId>,
    pub(crate) room: Option<RoomId>,
    pub(crate) kind: Option<ActivityKind>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

impl List<Activity, ActivityFilter> {
    /// Limits the list to one user.
    pub fn user(mut self, user: &UserId) -> Self {
        self.filter.user = Some(user.clone());
        self
    }

    /// Limits the list to one room.
    pub fn room(mut self, room: &RoomId) -> Self {
        self.filter.room = Some(room.clone());
        self
    }

    /// Limits the list to one kind of activity.
    pub fn kind(mut self, kind: ActivityKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Limits the list to activities at or after this time.
    pub const fn from(mut self, moment: Timestamp) -> Self {
        self.filter.from = Some(moment);
        self
    }

    /// Limits the list to activities at or before this time.
    pub const fn to(mut self, moment: Timestamp) -> Self {
        self.filter.to = Some(moment);
        self
    }
}

handle! {
    #[doc = v1_only!()]
    /// The log of what users did; from [`V1::activity`](crate::V1::activity).
    ///
    /// On v2 it fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::activity::ActivityKind;
    ///
    /// let patient = UserId::new("pat-0042")?;
    /// let calls = client.v1().activity().list().user(&patient).kind(ActivityKind::CallIn).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    ActivityLog
}

impl ActivityLog {
    #[doc = v1_only!()]
    /// Lists activities.
    ///
    /// The response does not say whether there are more items. If a page size is set, a full page is therefore assumed
    /// to be followed by another one. The request is a GET, as in the vendor's sample, although another line of the
    /// same documentation page says POST.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let what = client.v1().activity().list().room(&room).page_size(50).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Activity, ActivityFilter> {
        List::new(&self.connection, Operation::ListActivity, ActivityFilter::default(), |_, filter, window| {
            Ok(v1::list(filter, window))
        })
    }
}
