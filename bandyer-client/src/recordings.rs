//! Recordings of sessions. The settings of the room decide whether a session is recorded. Processing takes up to a day,
//! and then the recording is available through a temporary link.

pub(crate) mod v1;
pub(crate) mod v2;

use std::time::Duration;

use crate::client::handle;
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::call::Wire;
use crate::http::download::DownloadRequest;
use crate::http::request::Request;
use crate::types::ids::SessionId;
use crate::types::secret::FileUrl;

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

impl<'a> Recordings<'a> {
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
    pub fn link(self, session: &SessionId) -> RecordingLink<'a> {
        RecordingLink { of: self, session: session.clone(), lifetime: None, broadcast: false }
    }

    /// Requests a temporary link to the recording of a broadcast's session. v1 only.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let link = client.recordings().broadcast_link(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast_link(self, session: &SessionId) -> RecordingLink<'a> {
        RecordingLink { broadcast: true, ..self.link(session) }
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
    pub fn download(self, session: &SessionId) -> DownloadRequest<'a> {
        DownloadRequest::of_link(self.client, "download recording", self.link(session).into_request())
    }

    /// Deletes the recording of a session. v2 only.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.recordings().delete(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self, session: &SessionId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "delete recording", || v2::delete(session))
    }
}

/// A request for a link; from [`Recordings::link`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct RecordingLink<'a> {
    of: Recordings<'a>,
    session: SessionId,
    lifetime: Option<Duration>,
    broadcast: bool,
}

impl<'a> RecordingLink<'a> {
    /// Sets the lifetime of the link; 30 s by default. v1 accepts milliseconds; v2 accepts whole seconds from 30 to
    /// 3600, and the name of its parameter is inferred.
    pub const fn valid_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<'a, FileUrl> {
        let Self { of: Recordings { client }, session, lifetime, broadcast } = self;
        if broadcast {
            let wire = || v1::broadcast_link(&session, lifetime);
            return client.only(ApiVersion::V1, "get broadcast recording link", wire);
        }
        const OPERATION: &str = "get recording link";
        let wire: Result<Wire<FileUrl>> = match client.api_version() {
            ApiVersion::V1 => Ok(v1::link(&session, lifetime)),
            ApiVersion::V2 => match lifetime {
                Some(lifetime)
                    if lifetime.subsec_nanos() != 0 || !V2_LIFETIME_SECONDS.contains(&lifetime.as_secs()) =>
                {
                    Err(Error::invalid_request(OPERATION, "a link works for whole seconds, from 30 to 3600"))
                }
                _ => Ok(v2::link(&session, lifetime)),
            },
        };
        Request::new(client, OPERATION, wire)
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
