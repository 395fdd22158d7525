//! Access tokens for the vendor's mobile and web SDKs.

mod json;

use crate::operations::Operation;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::Result;
use crate::http::connection::{Connection, handle};
use crate::http::request::{Request, awaitable};
use crate::types::ids::UserId;
use crate::types::model::model;
use crate::types::secret::AccessToken;

/// Lifetimes that the vendor accepts, in seconds. Source: the vendor's authentication page.
const LIFETIME_SECONDS: RangeInclusive<u64> = 360..=86_400;

model! {
    /// An access token and its expiry.
    #[derive(Debug, Clone)]
    pub struct AccessCredential {
        required {
            /// The user whom the token authenticates.
            user_id: UserId = "user_id",
            /// The token. Its `Debug` is redacted.
            token: AccessToken = "access_token",
            /// When the token expires.
            expires_at: Timestamp = "expires_at",
        }
        optional {}
    }
}

handle! {
    /// Operations on SDK credentials; from [`Client::credentials`](crate::Client::credentials).
    Credentials
}

impl Credentials {
    /// Issues a token for a user. A retry may issue a second token, which does no harm, so the request is retried.
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
    pub fn issue(&self, user: &UserId) -> IssueCredential {
        IssueCredential { connection: self.connection.clone(), user: user.clone(), expires_in: None }
    }
}

/// A request for a token; from [`Credentials::issue`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct IssueCredential {
    connection: Connection,
    user: UserId,
    expires_in: Option<Duration>,
}

awaitable!(IssueCredential => AccessCredential);

impl IssueCredential {
    /// Sets the lifetime: whole seconds, from 360 to 86,400. The vendor does not document the default.
    pub const fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<AccessCredential> {
        self.connection.try_request(Operation::IssueCredential, |version| {
            let seconds = lifetime_seconds(self.expires_in)?;
            Ok(json::issue(version, &self.user, seconds))
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the user does not exist; otherwise as [`Request::send`].
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
    fn lifetime_must_be_whole_seconds_within_the_limits() {
        assert_eq!(lifetime_seconds(None), Ok(None));
        for good in [360, 3600, 86_400] {
            assert_eq!(lifetime_seconds(Some(Duration::from_secs(good))), Ok(Some(good)));
        }
        for bad in [0.0, 359.0, 86_401.0, 600.5] {
            assert!(lifetime_seconds(Some(Duration::from_secs_f64(bad))).is_err(), "{bad}");
        }
    }
}
