//! Recordings of sessions. The settings of the room decide whether a session is recorded. Processing takes up to a day,
//! and then the recording is available through a temporary link.

pub(crate) mod v1;
mod v1_only;
pub(crate) mod v2;

use std::time::Duration;

use crate::error::Result;
use crate::http::connection::{Connection, handle};
use crate::http::download::DownloadRequest;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::types::ids::SessionId;
use crate::types::secret::FileUrl;

pub use self::v1_only::V1Recordings;

/// Lifetimes of a link that v2 accepts, in seconds. Source: the vendor's page on recordings.
const V2_LIFETIME_SECONDS: std::ops::RangeInclusive<u64> = 30..=3600;

handle! {
    /// Operations on recordings; from [`Client::recordings`](crate::Client::recordings).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use bandyer_client::SessionId;
    ///
    /// let session = SessionId::new("session_a1b2c3d4e5f6")?;
    /// let link = client.recordings().link(&session).valid_for(Duration::from_secs(600)).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    Recordings
}

impl Recordings {
    /// Requests a temporary link to the recording of a room's session.
    ///
    /// While the recording is being processed, the request fails with the code `recording_not_found`; the webhook event
    /// `on_recording_available` reports that it is available. On v2, the code `recording_expired` means that the
    /// retention period is over.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let link = client.recordings().link(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn link(&self, session: &SessionId) -> RecordingLink {
        RecordingLink::new(self.connection.clone(), session, false)
    }

    /// Downloads the recording of a room's session. It requests a temporary link first; the key is not sent to the
    /// target of the link.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let mut recording = client.recordings().download(&session).max_bytes(2 << 30).send().await?;
    /// while let Some(chunk) = recording.next().await? {
    ///     println!("{} bytes more", chunk.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, session: &SessionId) -> DownloadRequest {
        let link = self.link(session);
        DownloadRequest::of_link(self.connection.clone(), "download recording", move || link.clone().into_request())
    }

    #[doc = v2_only!()]
    /// Deletes the recording of a session.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.recordings().delete(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, session: &SessionId) -> Request<()> {
        self.connection.request(Operation::DeleteRecording, |_| v2::delete(session))
    }
}

/// A request for a link; from [`Recordings::link`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RecordingLink {
    connection: Connection,
    session: SessionId,
    lifetime: Option<Duration>,
    broadcast: bool,
}

awaitable!(RecordingLink => FileUrl);

impl RecordingLink {
    fn new(connection: Connection, session: &SessionId, broadcast: bool) -> Self {
        Self { connection, session: session.clone(), lifetime: None, broadcast }
    }

    /// Sets the lifetime of the link; 30 s by default. v1 accepts milliseconds; v2 accepts whole seconds from 30 to
    /// 3600, and the name of its parameter is inferred.
    pub const fn valid_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<FileUrl> {
        let Self { connection, session, lifetime, broadcast } = self;
        if broadcast {
            let operation = Operation::GetBroadcastRecordingLink;
            return connection.request(operation, |_| v1::broadcast_link(&session, lifetime));
        }
        connection.try_request(Operation::GetRecordingLink, |version| match (version, lifetime) {
            (ApiVersion::V1, _) => Ok(v1::link(&session, lifetime)),
            (ApiVersion::V2, Some(lifetime))
                if lifetime.subsec_nanos() != 0 || !V2_LIFETIME_SECONDS.contains(&lifetime.as_secs()) =>
            {
                Err("a link works for whole seconds, from 30 to 3600".into())
            }
            (ApiVersion::V2, _) => Ok(v2::link(&session, lifetime)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<FileUrl> {
        self.into_request().send().await
    }
}
