//! SDK credentials for the person who calls.

use std::ops::RangeInclusive;
use std::time::Duration;

use bandyer_client::UserId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Operation, failure};
use crate::api::state::App;
use crate::domain::ids::ExternalId;
use crate::domain::participants;
use crate::http::error::ApiError;
use crate::http::input::Input;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::use_cases::UseCaseError;

/// Lifetimes that the vendor accepts, in seconds.
pub(super) const LIFETIME_SECONDS: RangeInclusive<u64> = 360..=86_400;
/// The predecessor's default, in seconds.
pub(super) const DEFAULT_LIFETIME_SECONDS: u64 = 3600;
const OPERATION: &str = "POST /credentials";

/// A credential for the vendor's mobile SDK.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Credential", deny_unknown_fields)]
pub(super) struct Issued<'a> {
    /// The token: whoever has it is that user to the vendor.
    access_token: &'a str,
    /// Until when it serves.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// The caller's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
}

pub(super) async fn issue(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let lifetime = lifetime(request)?;
    let caller = request.caller.platform_user().and_then(ExternalId::parse).ok_or_else(ApiError::unauthorized)?;
    let user = vendor_user(app, caller).await?;
    let credential = app.calls.issue_credential(&user, lifetime).await?;
    Reply::json(
        StatusCode::CREATED,
        &Issued {
            access_token: credential.token.expose(),
            expires_at: format!("{:.3}", credential.expires_at),
            bandyer_user_id: &user,
        },
    )
}

/// The caller's vendor user. Where the auth service knows people, one is made for whoever has none yet.
async fn vendor_user(app: &App, caller: ExternalId) -> Result<UserId, ApiError> {
    if let Some(user) = app.directory.find(&caller).await? {
        return Ok(user);
    }
    let known = app.people.caller(&caller).await.map_err(|error| ApiError::from(&error))?;
    let known = known.ok_or_else(ApiError::unauthorized)?;
    let operation = Operation { short: OPERATION.to_owned(), full: OPERATION.to_owned() };
    let member = participants::member(known, &app.appointments.rules().privileges)
        .map_err(|refusal| failure(UseCaseError::Refused(refusal.into()), &operation))?;
    let users = app.directory.ensure(&[member]).await.map_err(|error| failure(error.into(), &operation))?;
    users.into_iter().next().ok_or_else(ApiError::unauthorized)
}

fn lifetime(request: &Request) -> Result<Duration, ApiError> {
    let given = match &request.body {
        Some(body) => Input::body(body).optional("expiresIn")?,
        None => None,
    };
    let Some(given) = given else { return Ok(Duration::from_secs(DEFAULT_LIFETIME_SECONDS)) };
    let seconds = u64::try_from(given.integer()?).ok().filter(|seconds| LIFETIME_SECONDS.contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| given.must("be from 360 to 86400"))
}
