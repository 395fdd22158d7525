//! The company's background pictures, for every caller that the gateway lets through. Groups are not checked, as with
//! the predecessor: who may change the company is the gateway's to decide.

use std::sync::Arc;

use bandyer_client::company::{Background, CompanyProfile};
use bandyer_client::{BackgroundAlias, ErrorKind, File, InvalidFile};
use http::StatusCode;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use super::openapi::failures::{Failure, always, of_bodies, of_forms, of_the_vendor};
use super::openapi::operation::{BodyDescription, Context, Operation, Success, Tag};
use super::state::ApiState;
use super::values::Text;
use super::{Request, Result, errors};
use crate::base::error_chain::chain;
use crate::http::error::ApiError;
use crate::http::multipart::FileForm;
use crate::http::request::ReceivedBody;
use crate::http::response::Response;
use crate::http::validation::RequestBody;
use crate::vendor::VendorError;

/// The form with the picture. Source of the size: the predecessor's page on the background image.
pub(super) static BACKGROUND_FORM: FileForm = FileForm {
    part: "virtual_background",
    max_bytes: 10 * 1024 * 1024,
    too_large: "Request body is too large: the picture has at most 10 MB",
    // A company has ten pictures, so honest callers never wait.
    slots: Semaphore::const_new(8),
    too_many: "too many pictures are being sent at once",
};

/// A form with a picture.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "forms are read as a stream, so only the schema is used")]
struct BackgroundForm {
    /// The picture.
    #[schemars(extend("format" = "binary"))]
    virtual_background: String,
}

/// What changes about the company.
#[derive(Deserialize, JsonSchema)]
struct SettingsChange {
    /// The alias of a picture, as its addition returned it.
    #[schemars(with = "Text")]
    background_alias: Alias,
}

impl RequestBody for SettingsChange {}

struct Alias(BackgroundAlias);

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Text(alias) = Text::deserialize(deserializer)?;
        BackgroundAlias::new(alias).map(Self).map_err(|_| D::Error::custom("be a background's alias"))
    }
}

/// A picture that was added, in the vendor's own field names.
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

/// The company after a change, in the vendor's own field names.
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

pub(super) async fn add_background(api: &Arc<ApiState>, request: &Request) -> Result {
    let ReceivedBody::File(file) = &request.body else {
        return Err(ApiError::internal("the route reads no file").into());
    };
    let no_jpeg =
        |_: InvalidFile| ApiError::validation(format!("body.{} must be a JPEG picture", BACKGROUND_FORM.part));
    let picture = File::jpeg(file.bytes.clone()).map_err(no_jpeg)?;
    let added = api.parts.vendor.add_background(&picture).await.map_err(vendor_refusal)?;
    Ok(Response::json(StatusCode::OK, &Added { virtual_background: added.into() })?)
}

pub(super) async fn update(api: &Arc<ApiState>, request: &Request) -> Result {
    let SettingsChange { background_alias: Alias(alias) } = request.read()?;
    let changed = api.parts.vendor.choose_background(alias).await.map_err(vendor_refusal)?;
    Ok(Response::json(StatusCode::OK, &Changed { company: changed.into() })?)
}

/// The caller can correct what the vendor refuses about the company, so its status and code are passed on; its sentence
/// is not, because its contents are unknown.
fn vendor_refusal(error: VendorError) -> ApiError {
    let refused = error.call().and_then(bandyer_client::Error::status).is_some_and(|status| {
        error.kind() == Some(ErrorKind::Api) && matches!(status.as_u16(), 400 | 404 | 409 | 412 | 413 | 415 | 422)
    });
    if !refused {
        return error.into();
    }
    let code = error.code().unwrap_or("no code");
    ApiError::validation(format!("the video provider refused it: {code}")).because(chain(&error))
}

fn refused_by_the_vendor() -> Failure {
    ("The video provider refused it.", ApiError::validation("the video provider refused it: invalid_background_alias"))
}

pub(super) fn add_background_operation(context: &mut Context) -> Operation {
    let mut failures = [of_forms(), always(), of_the_vendor()].concat();
    failures.push(refused_by_the_vendor());
    failures.push(("The caller gave no id.", errors::unauthorized()));
    let example = json!({"virtual_background": {
        "background_alias": "0123456789abcdef0123456789abcdef",
        "url": "https://static.example/background.jpg",
        "creation_date": "2030-03-01T10:00:00.000Z",
    }});
    Operation {
        id: "addBackground",
        tag: Tag::Settings,
        summary: "Add a background picture to the company",
        description: "The video provider wants a JPEG of at least 1280 × 1280 points, and keeps ten. It is used only \
                      when it is chosen.",
        query: Vec::new(),
        body: Some(BodyDescription {
            media_type: "multipart/form-data",
            limit: "At most 10 MB.",
            ..BodyDescription::json(
                context.schema::<BackgroundForm>(),
                json!({"virtual_background": "the bytes of a JPEG picture"}),
            )
        }),
        success: Success::json(StatusCode::OK, "It is added.", context.schema::<Added>(), example),
        failures,
    }
}

pub(super) fn update_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), always(), of_the_vendor()].concat();
    failures.push(refused_by_the_vendor());
    failures.push(("The caller gave no id.", errors::unauthorized()));
    let example = json!({"company": {
        "name": "Clinic",
        "default_language": "it",
        "default_background": {
            "alias": "0123456789abcdef0123456789abcdef",
            "url": "https://static.example/background.jpg",
            "creation_date": "2030-03-01T10:00:00.000Z",
        },
        "end_call_redirect_url": null,
        "user_details_provider_url": null,
        "end_call_redirect_timeout_ms": 0,
    }});
    Operation {
        id: "changeSettings",
        tag: Tag::Settings,
        summary: "Choose the background picture that calls use",
        description: "It holds for the whole company.",
        query: Vec::new(),
        body: Some(BodyDescription::json(
            context.schema::<SettingsChange>(),
            json!({"background_alias": "0123456789abcdef0123456789abcdef"}),
        )),
        success: Success::json(StatusCode::OK, "It is chosen.", context.schema::<Changed>(), example),
        failures,
    }
}
