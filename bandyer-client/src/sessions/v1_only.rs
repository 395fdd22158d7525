//! Operations on sessions that v1 alone has.

use crate::http::connection::handle;
use crate::http::list::List;
use crate::operations::Operation;
use crate::types::api_version::v1_only;
use crate::types::ids::SessionId;
use crate::uploads::{Scope, Upload, UploadFilter};

handle! {
    #[doc = v1_only!()]
    /// Operations on sessions that v1 alone has; from [`V1::sessions`](crate::V1::sessions).
    V1Sessions
}

impl V1Sessions {
    #[doc = v1_only!()]
    /// Lists the uploads of one session.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, SessionId};
    /// # async fn run(client: Client, session: SessionId) -> bandyer_client::Result<()> {
    /// let uploads = client.v1().sessions().uploads(&session).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploads(&self, id: &SessionId) -> List<Upload, UploadFilter> {
        UploadFilter::of(Scope::Session(id.clone())).list(&self.connection, Operation::ListSessionUploads)
    }
}
