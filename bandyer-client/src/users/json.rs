//! Responses about users that both API versions share.

use crate::http::decode::{DecodeFailure, json, json_or};
use crate::types::model::Fields;

/// The address of the picture, if the response contains it.
pub(crate) fn avatar(body: &[u8]) -> Result<Option<String>, DecodeFailure> {
    json_or(body, json::<Fields>, Fields::default).map(|stored| stored.first(&["avatar_url"]))
}
