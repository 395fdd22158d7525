//! The tokens of access links. v1 only.

pub(crate) mod v1;

use crate::http::connection::handle;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::v1_only;
use crate::types::secret::{JoinUrl, LinkToken};

impl JoinUrl {
    /// The token at the end of the link, which identifies it to [`Links`]. `None` if the link has no path.
    ///
    /// ```
    /// use bandyer_client::JoinUrl;
    ///
    /// let link = JoinUrl::from("https://acme.bandyer.com/connect/rest-call-handler/0011?l=it");
    /// assert_eq!(link.token().as_ref().map(|token| token.expose()), Some("0011"));
    /// ```
    #[must_use]
    pub fn token(&self) -> Option<LinkToken> {
        let url = url::Url::parse(self.expose()).ok()?;
        url.path_segments()?.rfind(|segment| !segment.is_empty()).map(LinkToken::from)
    }
}

handle! {
    #[doc = v1_only!()]
    /// Operations on link tokens; from [`V1::links`](crate::V1::links).
    ///
    /// On v2 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::JoinUrl;
    ///
    /// let link = JoinUrl::from("https://acme.bandyer.com/connect/rest-call-handler/0011");
    /// if let Some(token) = link.token() {
    ///     client.v1().links().revoke(&token).send().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Links
}

impl Links {
    #[doc = v1_only!()]
    /// Checks whether a link still works.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, token: bandyer_client::LinkToken) -> bandyer_client::Result<()> {
    /// if client.v1().links().is_active(&token).send().await? {
    ///     println!("it still works");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_active(&self, token: &LinkToken) -> Request<bool> {
        self.connection.request(Operation::CheckLink, |_| v1::is_active(token))
    }

    #[doc = v1_only!()]
    /// Revokes a link.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, token: bandyer_client::LinkToken) -> bandyer_client::Result<()> {
    /// client.v1().links().revoke(&token).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn revoke(&self, token: &LinkToken) -> Request<()> {
        self.connection.request(Operation::RevokeLink, |_| v1::revoke(token))
    }
}
