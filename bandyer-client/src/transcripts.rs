//! Transcripts and summaries of recorded sessions. v2 only.
//!
//! The vendor's support must have enabled them for the company, and the room must have been created with
//! [`offline_transcription`](crate::rooms::CreateRoom::offline_transcription). The webhook event
//! `on_transcription_available` reports when they are available. Paths are inferred from the names of the vendor's
//! pages. The format of the files is not documented: see [`Download::content_type`](crate::Download::content_type).

pub(crate) mod v2;

use crate::client::handle;
use crate::config::ApiVersion;
use crate::error::Error;
use crate::http::call::{Call, Lacking};
use crate::http::download::DownloadRequest;
use crate::http::request::Request;
use crate::types::ids::SessionId;

handle! {
    /// Operations on transcripts; from [`Client::transcripts`](crate::Client::transcripts).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::SessionId;
    ///
    /// let session = SessionId::new("session_a1b2c3d4e5f6")?;
    /// let transcript = client.transcripts().download(&session).max_bytes(1 << 20).send().await?;
    /// println!("{:?}", transcript.content_type());
    /// let text = transcript.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    Transcripts
}

impl<'a> Transcripts<'a> {
    /// Downloads the transcript. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let text = client.transcripts().download(&session).max_bytes(1 << 20).send().await?.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(self, session: &SessionId) -> DownloadRequest<'a> {
        self.file("get transcription", || v2::transcription(session))
    }

    /// Deletes the transcript. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.transcripts().delete(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self, session: &SessionId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "delete transcription", || v2::delete_transcription(session))
    }

    /// Downloads the summary. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let text = client.transcripts().download_summary(&session).send().await?.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_summary(self, session: &SessionId) -> DownloadRequest<'a> {
        self.file("get summarization", || v2::summarization(session))
    }

    /// Deletes the summary. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.transcripts().delete_summary(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_summary(self, session: &SessionId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "delete summarization", || v2::delete_summarization(session))
    }

    fn file(self, operation: &'static str, call: impl FnOnce() -> Call) -> DownloadRequest<'a> {
        let call = match self.client.api_version() {
            ApiVersion::V1 => Err(Error::lacking(operation, ApiVersion::V1, Lacking::Operation)),
            ApiVersion::V2 => Ok(call()),
        };
        DownloadRequest::of_call(self.client, operation, call)
    }
}
