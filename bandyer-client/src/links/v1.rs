use serde::Deserialize;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json, nothing};
use crate::operations::Operation;
use crate::types::secret::LinkToken;

pub(crate) fn is_active(token: &LinkToken) -> Wire<bool> {
    #[derive(Deserialize)]
    struct Checked {
        code: String,
    }
    Call::v1(Operation::CheckLink, &[token.expose()])
        .decode_with(|body| json::<Checked>(body).map(|checked| checked.code == "ACTIVE_TOKEN"))
}

pub(crate) fn revoke(token: &LinkToken) -> Wire<()> {
    Call::v1(Operation::RevokeLink, &[token.expose()]).decode_with(nothing)
}
