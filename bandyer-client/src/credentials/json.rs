//! The body and record of a credential, which are the same in both API versions, like the path.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::credentials::AccessCredential;
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, missing};
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;
use crate::types::ids::UserId;
use crate::types::model::Fields;

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    user_id: &'a UserId,
    expires_in: Option<u64>,
}

/// The same in both API versions. A second token does no harm, so it may be retried.
pub(crate) fn issue(version: ApiVersion, user: &UserId, expires_in: Option<u64>) -> Wire<AccessCredential> {
    let body = Body { user_id: user, expires_in };
    let user = user.clone();
    Call::of(Operation::IssueCredential, version, &[]).json(&body).decode_with(move |body| {
        let fields: Fields = json(body)?;
        let user_id: UserId = fields.first(&["user_id"]).unwrap_or_else(|| user.clone());
        AccessCredential::read(&fields.with("user_id", &user_id)).map_err(missing)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::issue;
    use crate::types::api_version::ApiVersion;
    use crate::types::ids::UserId;

    #[test]
    fn lifetime_is_sent_in_seconds() {
        let user = UserId::new("pat-0042").unwrap();
        let wire = issue(ApiVersion::V1, &user, Some(600));
        let body: Value = wire.call.json_body();
        assert_eq!(body, json!({"user_id": "pat-0042", "expires_in": 600}));
        assert!(wire.call.idempotent);
        let response = br#"{"access_token": "t", "expires_at": "2024-03-05T10:12:30.000Z", "user_id": "pat-0042"}"#;
        let credential = (wire.decoder)(response).unwrap();
        assert_eq!((credential.user_id, credential.token.expose()), (user, "t"));
    }
}
