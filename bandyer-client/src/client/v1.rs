//! The operations that v1 alone has.

use crate::activity::ActivityLog;
use crate::broadcasts::Broadcasts;
use crate::chats::Chats;
use crate::http::connection::handle;
use crate::links::Links;
use crate::recordings::V1Recordings;
use crate::rooms::V1Rooms;
use crate::sessions::V1Sessions;
use crate::types::api_version::v1_only;
use crate::users::V1Users;
use crate::webhooks::V1Webhooks;

handle! {
    #[doc = v1_only!()]
    /// The operations that v1 alone has; from [`Client::v1`](crate::Client::v1).
    ///
    /// With a client for v2 they fail with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before anything is sent.
    V1
}

impl V1 {
    /// Settings of all users, and lists of what belongs to one user.
    #[must_use]
    pub fn users(&self) -> V1Users {
        V1Users::new(self.connection.clone())
    }

    /// The signature envelopes of a room, and Fast Call.
    #[must_use]
    pub fn rooms(&self) -> V1Rooms {
        V1Rooms::new(self.connection.clone())
    }

    /// The uploads of a session.
    #[must_use]
    pub fn sessions(&self) -> V1Sessions {
        V1Sessions::new(self.connection.clone())
    }

    /// Recordings of broadcasts.
    #[must_use]
    pub fn recordings(&self) -> V1Recordings {
        V1Recordings::new(self.connection.clone())
    }

    /// Webhooks, all of which are set at once. v2 has one object for each webhook; see
    /// [`Client::webhooks`](crate::Client::webhooks).
    #[must_use]
    pub fn webhooks(&self) -> V1Webhooks {
        V1Webhooks::new(self.connection.clone())
    }

    /// Chats, identified by their users. v2 has channels instead; see [`Client::channels`](crate::Client::channels).
    #[must_use]
    pub fn chats(&self) -> Chats {
        Chats::new(self.connection.clone())
    }

    /// One-to-many calls.
    #[must_use]
    pub fn broadcasts(&self) -> Broadcasts {
        Broadcasts::new(self.connection.clone())
    }

    /// The tokens of access links.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(self.connection.clone())
    }

    /// The log of what users did with the vendor's SDKs.
    #[must_use]
    pub fn activity(&self) -> ActivityLog {
        ActivityLog::new(self.connection.clone())
    }
}
