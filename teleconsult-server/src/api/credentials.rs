//! SDK credentials for the person who calls.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bandyer_client::UserId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::errors::unauthorized;
use super::openapi::failures::{always, of_bodies, of_the_store, of_the_vendor};
use super::openapi::operation::{BodyDescription, Context, Operation, Success, Tag};
use super::state::ApiState;
use super::{Request, Result, caller};
use crate::domain::ids::ExternalId;
use crate::domain::participants::{self, Person, PersonRef};
use crate::domain::privileges::Role;
use crate::http::response::Response;
use crate::http::validation::RequestBody;

/// Lifetimes that the vendor accepts, in seconds.
const LIFETIME_SECONDS: RangeInclusive<u64> = 360..=86_400;
/// The predecessor's default, in seconds.
const DEFAULT_LIFETIME_SECONDS: u64 = 3600;

/// How long a credential is valid.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialRequest {
    /// Seconds from now.
    #[schemars(range(min = *LIFETIME_SECONDS.start(), max = *LIFETIME_SECONDS.end()))]
    #[schemars(skip_serializing_if = "Option::is_none", with = "u32", extend("default" = DEFAULT_LIFETIME_SECONDS))]
    expires_in: Option<Lifetime>,
}

impl RequestBody for CredentialRequest {}

struct Lifetime(Duration);

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let seconds = u64::try_from(i64::deserialize(deserializer)?).ok();
        let seconds = seconds.filter(|seconds| LIFETIME_SECONDS.contains(seconds));
        let seconds = seconds.ok_or_else(|| D::Error::custom("be from 360 to 86400"))?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// A credential for the vendor's mobile SDK.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Credential", deny_unknown_fields)]
pub(super) struct Issued<'a> {
    /// The token: its holder is that user to the vendor.
    access_token: &'a str,
    /// When it expires.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// The caller's id at the vendor.
    #[schemars(with = "&'a str")]
    bandyer_user_id: &'a UserId,
}

pub(super) async fn issue(api: &Arc<ApiState>, request: &Request) -> Result {
    let lifetime = request.read_optional::<CredentialRequest>()?.and_then(|body| body.expires_in);
    let Lifetime(lifetime) = lifetime.unwrap_or(Lifetime(Duration::from_secs(DEFAULT_LIFETIME_SECONDS)));
    let caller = caller(api, request).platform_user().and_then(ExternalId::parse).ok_or_else(unauthorized)?;
    let user = vendor_user(api, &caller).await?;
    let credential = match api.parts.vendor.issue_credential(&user, lifetime).await {
        Err(error) if error.is_unknown_user() => {
            tracing::warn!("the vendor does not know the user of a new credential; creating the user again");
            api.parts.vendor.ensure_user(&user, role(api, &caller).await?).await?;
            api.parts.vendor.issue_credential(&user, lifetime).await?
        }
        issued => issued?,
    };
    let issued = Issued {
        access_token: credential.token.expose(),
        expires_at: format!("{:.3}", credential.expires_at),
        bandyer_user_id: &user,
    };
    Ok(Response::json(StatusCode::CREATED, &issued)?)
}

/// The caller's vendor user. Where the auth service knows people, a caller without one gets one.
async fn vendor_user(api: &ApiState, caller: &ExternalId) -> Result<UserId> {
    if let Some(user) = api.parts.directory.find(caller).await? {
        return Ok(user);
    }
    let profile = api.parts.profiles.of_caller(caller).await?.ok_or_else(unauthorized)?;
    let person = Person { id: PersonRef::External(caller.clone()), profile, language: None };
    let member = participants::member(person, &api.parts.use_cases.rules().privileges)?;
    let users = api.parts.directory.ensure(&[member]).await?;
    Ok(users.into_iter().next().ok_or_else(unauthorized)?)
}

/// The role with which a caller becomes a vendor user again. Where callers describe people, the groups are not known of this
/// one now; the lower role is updated when a room needs the higher one.
async fn role(api: &ApiState, caller: &ExternalId) -> Result<Role> {
    let profile = api.parts.profiles.of_caller(caller).await?;
    let role = profile.and_then(|profile| api.parts.use_cases.rules().privileges.role_of(&profile.groups));
    Ok(role.unwrap_or(Role::Basic))
}

pub(super) fn issue_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), always(), of_the_store(), of_the_vendor()].concat();
    failures.push(("The caller is not known.", unauthorized()));
    let example = json!({
        "accessToken": "header.payload.signature",
        "expiresAt": "2030-03-05T10:00:00.000Z",
        "bandyerUserId": "tc_mfrggzdfmztwq2lkmfrggzdfmztwq2lk",
    });
    Operation {
        id: "issueCredential",
        tag: Tag::Credentials,
        summary: "Issue a credential for the vendor's mobile SDK",
        description: "For the caller, who must have been named in a teleconsultation before, or be known to the auth \
                      service of deployments that have one.",
        query: Vec::new(),
        body: Some(BodyDescription {
            required: false,
            ..BodyDescription::json(context.schema::<CredentialRequest>(), json!({"expiresIn": 3600}))
        }),
        success: Success::json(StatusCode::CREATED, "The credential.", context.schema::<Issued<'_>>(), example),
        failures,
    }
}
