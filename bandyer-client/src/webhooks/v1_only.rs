//! Operations on webhooks that v1 alone has.

use super::{ActiveWebhook, WebhookEvent, WebhookVersion, v1};
use crate::http::connection::handle;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::v1_only;

handle! {
    #[doc = v1_only!()]
    /// Operations on webhooks that v1 alone has; from [`V1::webhooks`](crate::V1::webhooks).
    V1Webhooks
}

impl V1Webhooks {
    #[doc = v1_only!()]
    /// Replaces all webhooks of v1 in one webhook version: **events that are left out are no longer reported**. Other webhook
    /// versions are not changed.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
    ///
    /// let events = [WebhookEvent::SessionStarted, WebhookEvent::SessionEnded];
    /// client.v1().webhooks().configure(WebhookVersion::V1, "https://me.example/hook", &events).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn configure(
        &self,
        version: WebhookVersion,
        url: &str,
        events: &[WebhookEvent],
    ) -> Request<Vec<ActiveWebhook>> {
        self.connection.request(Operation::ConfigureWebhooks, |_| v1::configure(version, url, events))
    }

    #[doc = v1_only!()]
    /// Reads all webhooks of v1 in one webhook version.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// use bandyer_client::webhooks::WebhookVersion;
    ///
    /// let active = client.v1().webhooks().active(WebhookVersion::V1).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn active(&self, version: WebhookVersion) -> Request<Vec<ActiveWebhook>> {
        self.connection.request(Operation::GetActiveWebhooks, |_| v1::active(version))
    }
}
