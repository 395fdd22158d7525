//! Records of users that both API versions share.

use serde::Deserialize;

use crate::http::decode::{DecodeFailure, json, json_or};
use crate::http::lenient;

/// The address of the picture, if the response contains it.
pub(crate) fn avatar(body: &[u8]) -> Result<Option<String>, DecodeFailure> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Stored {
        #[serde(deserialize_with = "lenient::text")]
        avatar_url: Option<String>,
    }
    json_or(body, json::<Stored>, Stored::default).map(|stored| stored.avatar_url)
}
