//! The company's background pictures, for whoever the gateway lets through. There is no check of groups, as with the
//! predecessor: who may change the company is the gateway's to decide.

use bandyer_client::company::{Background, CompanyProfile};
use bandyer_client::{BackgroundAlias, ErrorKind, File, InvalidFile};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::state::App;
use crate::http::error::ApiError;
use crate::http::multipart::PICTURE_PART;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::vendor::VendorError;

/// A picture that was added, in the vendor's own words.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddedBackground", deny_unknown_fields)]
pub(super) struct Added {
    virtual_background: AddedPicture,
}

/// The picture.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BackgroundPicture", deny_unknown_fields)]
struct AddedPicture {
    /// Its name, with which it is chosen.
    background_alias: String,
    /// Where it is.
    url: Option<String>,
    /// When it was added.
    #[schemars(extend("format" = "date-time"))]
    creation_date: Option<String>,
}

/// The company after a change, in the vendor's own words.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChangedCompany", deny_unknown_fields)]
pub(super) struct Changed {
    company: CompanyView,
}

/// The company.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Company", deny_unknown_fields)]
struct CompanyView {
    name: Option<String>,
    /// The language of people who chose none.
    default_language: Option<String>,
    /// The picture that calls use.
    default_background: Option<DefaultPicture>,
    /// Where browsers go after a call.
    end_call_redirect_url: Option<String>,
    /// Who is asked for names and pictures.
    user_details_provider_url: Option<String>,
    /// How long browsers wait before they go, in milliseconds.
    end_call_redirect_timeout_ms: Option<u64>,
}

/// The picture that calls use.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DefaultBackground", deny_unknown_fields)]
struct DefaultPicture {
    /// Its name.
    alias: String,
    /// Where it is.
    url: Option<String>,
    /// When it was added.
    #[schemars(extend("format" = "date-time"))]
    creation_date: Option<String>,
}

impl From<Background> for AddedPicture {
    fn from(added: Background) -> Self {
        Self {
            background_alias: added.alias.to_string(),
            url: added.url,
            creation_date: added.created_at.map(|at| format!("{at:.3}")),
        }
    }
}

impl From<CompanyProfile> for CompanyView {
    fn from(company: CompanyProfile) -> Self {
        let delay = company.end_call_redirect_delay;
        Self {
            name: company.name,
            default_language: company.default_language.map(|language| language.to_string()),
            default_background: company.default_background.map(|background| DefaultPicture {
                alias: background.alias.to_string(),
                url: background.url,
                creation_date: background.created_at.map(|at| format!("{at:.3}")),
            }),
            end_call_redirect_url: company.end_call_redirect_url,
            user_details_provider_url: company.user_details_provider_url,
            end_call_redirect_timeout_ms: delay.and_then(|delay| u64::try_from(delay.as_millis()).ok()),
        }
    }
}

/// Callers who do not say who they are were refused before their picture was read.
pub(super) async fn add_background(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let sent = request.picture.as_ref().ok_or_else(|| ApiError::internal("the route reads no picture"))?;
    let no_jpeg = |_: InvalidFile| ApiError::validation(format!("body.{PICTURE_PART} must be a JPEG picture"));
    let picture = File::jpeg(sent.bytes.clone()).map_err(no_jpeg)?;
    let added = app.calls.add_background(&picture).await.map_err(of_the_company)?;
    Reply::json(StatusCode::OK, &Added { virtual_background: added.into() })
}

pub(super) async fn update(app: &App, request: &Request) -> Result<Reply, ApiError> {
    request.caller.platform_user().ok_or_else(ApiError::unauthorized)?;
    let alias = request.input()?.required("background_alias")?;
    let parsed = BackgroundAlias::new(alias.text()?).map_err(|_| alias.must("be a background's alias"))?;
    let changed = app.calls.choose_background(parsed).await.map_err(of_the_company)?;
    Reply::json(StatusCode::OK, &Changed { company: changed.into() })
}

/// What the vendor refuses about the company is the caller's to mend, so its status and code are passed on; its sentence
/// is not, because nobody knows what stands in it.
fn of_the_company(error: VendorError) -> ApiError {
    let refused = error.call().and_then(bandyer_client::Error::status).filter(|status| {
        error.kind() == Some(ErrorKind::Api) && matches!(status.as_u16(), 400 | 404 | 409 | 412 | 413 | 415 | 422)
    });
    match (refused, error.code()) {
        (Some(_), code) => {
            let code = code.unwrap_or("no code is told");
            ApiError::validation(format!("the video provider refused it: {code}"))
                .because(crate::base::error_chain::chain(&error))
        }
        (None, _) => error.into(),
    }
}
