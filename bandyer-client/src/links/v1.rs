use serde::Deserialize;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json, nothing};
use crate::types::secret::LinkToken;

pub(crate) fn is_active(token: &LinkToken) -> Wire<bool> {
    #[derive(Deserialize)]
    struct Checked {
        code: String,
    }
    Call::get(&["token", "check", token.expose()])
        .decode_with(|body| json::<Checked>(body).map(|checked| checked.code == "ACTIVE_TOKEN"))
}

pub(crate) fn revoke(token: &LinkToken) -> Wire<()> {
    Call::delete(&["token", "delete", token.expose()]).decode_with(nothing)
}
