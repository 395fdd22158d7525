//! Transcripts and summaries of recorded sessions. v2 only.
//!
//! The vendor's support must have enabled them for the company, and the room must have been created with
//! [`offline_transcription`](crate::rooms::CreateRoom::offline_transcription). The webhook event
//! `on_transcription_available` reports when they are available. Paths are inferred from the names of the vendor's
//! pages. The format of the files is not documented: see [`Download::content_type`](crate::Download::content_type).

pub(crate) mod v2;

use crate::http::call::Call;
use crate::http::connection::handle;
use crate::http::download::DownloadRequest;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::types::ids::SessionId;

handle! {
    #[doc = v2_only!()]
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

impl Transcripts {
    #[doc = v2_only!()]
    /// Downloads the transcript. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let text = client.transcripts().download(&session).max_bytes(1 << 20).send().await?.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, session: &SessionId) -> DownloadRequest {
        self.file(Operation::GetTranscription, |_| v2::transcription(session))
    }

    #[doc = v2_only!()]
    /// Deletes the transcript. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.transcripts().delete(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, session: &SessionId) -> Request<()> {
        self.connection.request(Operation::DeleteTranscription, |_| v2::delete_transcription(session))
    }

    #[doc = v2_only!()]
    /// Downloads the summary. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let text = client.transcripts().download_summary(&session).send().await?.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_summary(&self, session: &SessionId) -> DownloadRequest {
        self.file(Operation::GetSummarization, |_| v2::summarization(session))
    }

    #[doc = v2_only!()]
    /// Deletes the summary. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// client.transcripts().delete_summary(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_summary(&self, session: &SessionId) -> Request<()> {
        self.connection.request(Operation::DeleteSummarization, |_| v2::delete_summarization(session))
    }

    fn file(&self, operation: Operation, call: impl FnOnce(ApiVersion) -> Call) -> DownloadRequest {
        DownloadRequest::of_call(self.connection.clone(), operation.name(), self.connection.call(operation, call))
    }
}
