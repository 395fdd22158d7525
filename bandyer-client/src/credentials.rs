//! Tokens with which a user's device opens the vendor's mobile and web SDKs.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::model::ids::UserId;
use crate::model::secret::AccessToken;
use crate::wire::{v1, v2};

/// Lifetimes that the vendor accepts, in seconds. Source: the vendor's authentication page.
const LIFETIME_SECONDS: RangeInclusive<u64> = 360..=86_400;

/// A token and its end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AccessCredential {
    /// Whom the token lets in.
    pub user_id: UserId,
    /// The token. Its `Debug` is redacted.
    pub token: AccessToken,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Operations on SDK credentials; from [`Client::credentials`].
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    client: &'a Client,
}

impl<'a> Credentials<'a> {
    pub(crate) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Issues a token for a user. Issuing twice gives two tokens and harms nobody, so it is repeated when needed.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let user = bandyer_client::UserId::new("pat-0042")?;
    /// let credential = client.credentials().issue(&user).expires_in(Duration::from_secs(600)).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn issue(self, user: &UserId) -> IssueCredential<'a> {
        IssueCredential { client: self.client, user: user.clone(), expires_in: None }
    }
}

/// The issue of a token; from [`Credentials::issue`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct IssueCredential<'a> {
    client: &'a Client,
    user: UserId,
    expires_in: Option<Duration>,
}

impl<'a> IssueCredential<'a> {
    /// Chooses the lifetime: whole seconds, from 360 to 86,400. The vendor's own default is not documented.
    pub const fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, AccessCredential> {
        const OPERATION: &str = "issue credential";
        let wire = lifetime_seconds(self.expires_in).map_err(|detail| Error::invalid_request(OPERATION, detail)).map(
            |seconds| match self.client.api_version() {
                ApiVersion::V1 => v1::credentials::issue(&self.user, seconds),
                ApiVersion::V2 => v2::credentials::issue(&self.user, seconds),
            },
        );
        Request::new(self.client, OPERATION, wire)
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`] when there is no such user; else as [`Request::send`].
    pub async fn send(self) -> Result<AccessCredential> {
        self.into_request().send().await
    }
}

fn lifetime_seconds(lifetime: Option<Duration>) -> Result<Option<u64>, &'static str> {
    let Some(lifetime) = lifetime else { return Ok(None) };
    if lifetime.subsec_nanos() != 0 {
        return Err("the lifetime is not a whole number of seconds");
    }
    if !LIFETIME_SECONDS.contains(&lifetime.as_secs()) {
        return Err("the lifetime is not from 360 to 86400 seconds");
    }
    Ok(Some(lifetime.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::lifetime_seconds;

    #[test]
    fn a_lifetime_is_whole_seconds_within_the_vendors_limits() {
        assert_eq!(lifetime_seconds(None), Ok(None));
        for good in [360, 3600, 86_400] {
            assert_eq!(lifetime_seconds(Some(Duration::from_secs(good))), Ok(Some(good)));
        }
        for bad in [0.0, 359.0, 86_401.0, 600.5] {
            assert!(lifetime_seconds(Some(Duration::from_secs_f64(bad))).is_err(), "{bad}");
        }
    }
}
