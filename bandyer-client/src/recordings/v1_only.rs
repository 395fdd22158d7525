//! Operations on recordings that v1 alone has.

use super::RecordingLink;
use crate::http::connection::handle;
use crate::types::api_version::v1_only;
use crate::types::ids::SessionId;

handle! {
    #[doc = v1_only!()]
    /// Operations on recordings that v1 alone has; from [`V1::recordings`](crate::V1::recordings).
    V1Recordings
}

impl V1Recordings {
    #[doc = v1_only!()]
    /// Requests a temporary link to the recording of a broadcast's session.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let link = client.v1().recordings().broadcast_link(&session).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast_link(&self, session: &SessionId) -> RecordingLink {
        RecordingLink::new(self.connection.clone(), session, true)
    }
}
