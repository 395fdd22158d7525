//! The user-details provider: a server that supplies names and pictures to the vendor.
//!
//! To display a user, the vendor POSTs user ids to the URL that the company has configured (`user_details_provider_url`),
//! signed like a webhook, and displays the details in the response. Names then need not be stored with the vendor.
//!
//! ```
//! use bandyer_client::user_details::{self, UserDetails};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let body = br#"{"event":"user_details_request","data":{"user_ids":["pat-0042"]}}"#;
//! let ids = user_details::parse(body)?;
//! let response = user_details::response(ids.into_iter().map(|id| UserDetails::new(id).display_name("M. Rossi")));
//! assert_eq!(response, r#"{"user_ids":[{"user_id":"pat-0042","display_name":"M. Rossi"}]}"#);
//! # Ok(())
//! # }
//! ```
//!
//! Verify the header `bandyer-signature` with [`Verifier`](crate::events::Verifier) first.

use std::fmt;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::types::ids::UserId;
use crate::types::model::{Field, Fields};

/// Largest body that is parsed, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The body is not a request for user details. Respond with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a request for user details")]
#[non_exhaustive]
pub struct ParseError;

/// The vendor's documentation uses three names for the list.
const LISTS: [&str; 3] = ["user_ids", "users_id", "usersAlias"];

/// Parses a request and returns the requested user ids. Ids that cannot be read are skipped.
///
/// # Errors
///
/// [`ParseError`] if the body is larger than 1 MiB or contains no list of ids.
pub fn parse(body: &[u8]) -> Result<Vec<UserId>, ParseError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ParseError);
    }
    let request: Fields = serde_json::from_slice(body).map_err(|_| ParseError)?;
    let data: Fields = request.first(&["data"]).ok_or(ParseError)?;
    let is_list = |name: &&str| data.get(name).is_some_and(serde_json::Value::is_array);
    let name = LISTS.into_iter().find(is_list).ok_or(ParseError)?;
    Ok(Field::read(&data, &[name]))
}

/// The details of a user that the vendor displays.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct UserDetails {
    user_id: UserId,
    display_name: Option<String>,
    user_avatar: Option<String>,
}

impl UserDetails {
    /// A user without a name or picture.
    pub const fn new(user_id: UserId) -> Self {
        Self { user_id, display_name: None, user_avatar: None }
    }

    /// Sets the name to display.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets the URL of a picture. It must be publicly readable.
    pub fn avatar(mut self, url: impl Into<String>) -> Self {
        self.user_avatar = Some(url.into());
        self
    }
}

impl fmt::Debug for UserDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDetails").finish_non_exhaustive()
    }
}

/// The JSON body of the response. Users that are left out are displayed without a name.
#[must_use]
pub fn response(people: impl IntoIterator<Item = UserDetails>) -> String {
    #[derive(Serialize)]
    struct Response {
        user_ids: Vec<UserDetails>,
    }
    // Serializing ids and strings cannot fail.
    serde_json::to_string(&Response { user_ids: people.into_iter().collect() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ParseError, UserDetails, parse};

    #[test]
    fn the_list_is_parsed_under_each_of_its_names() {
        for name in ["user_ids", "users_id", "usersAlias"] {
            let body = json!({"event": "user_details_request", "data": {name: ["a", "b"]}}).to_string();
            let ids = parse(body.as_bytes()).unwrap();
            assert_eq!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["a", "b"], "{name}");
        }
        for bad in ["", "{}", r#"{"data": {}}"#, r#"{"data": {"user_ids": "a"}}"#] {
            assert_eq!(parse(bad.as_bytes()), Err(ParseError), "{bad}");
        }
    }

    #[test]
    fn names_are_only_in_the_response() {
        let person = UserDetails::new(crate::UserId::new("canary").unwrap()).display_name("canary").avatar("canary");
        assert!(!format!("{person:?}").contains("canary"));
        assert_eq!(
            super::response([person]),
            r#"{"user_ids":[{"user_id":"canary","display_name":"canary","user_avatar":"canary"}]}"#
        );
    }
}
