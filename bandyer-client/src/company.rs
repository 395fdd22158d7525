//! The settings of the company. An API key belongs to one company, so no operation takes a company id.

mod json;
pub(crate) mod v1;
pub(crate) mod v2;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use self::json::{background, milliseconds};
use crate::error::Result;
use crate::http::connection::handle;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::types::file::{Accepted, File};
use crate::types::ids::BackgroundAlias;
use crate::types::model::model;
use crate::types::secret::ShownUrl;
use crate::users::Language;

mod encryption;
mod look;
mod recording_settings;

pub use self::encryption::EncryptionKey;
pub(crate) use self::look::ThemeChange;
pub use self::look::{Color, InvalidColor, LogoTheme, Logos, Palette, SetLogo, Theme, UpdateTheme};
pub(crate) use self::recording_settings::SettingsChange;
pub use self::recording_settings::{RecordingSettings, UpdateRecordingSettings};

/// Maximum delay before the redirect after a call. Source: the vendor's company page, 0 to 60,000 ms.
const MAX_REDIRECT_DELAY: Duration = Duration::from_secs(60);

model! {
    /// The settings of the company. Every field is optional, because API versions and operations return different fields.
    #[derive(Clone, Default, PartialEq, Eq)]
    pub struct CompanyProfile {
        required {}
        optional {
            /// The name.
            name: Option<String> = "name",
            /// The language of users without a language of their own.
            default_language: Option<Language> = "default_language",
            /// The virtual background used in calls.
            default_background: Option<Background> = "default_background" via background,
            /// The address that browsers are redirected to after a call.
            end_call_redirect_url: Option<String> = "end_call_redirect_url",
            /// The delay before the redirect.
            end_call_redirect_delay: Option<Duration> = "end_call_redirect_timeout_ms" via milliseconds,
            /// The address where the vendor requests names and pictures of users; see `bandyer_client::user_details`.
            user_details_provider_url: Option<String> = "user_details_provider_url",
            /// The logos.
            logos: Option<Logos> = "logos",
        }
    }
}

impl fmt::Debug for CompanyProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompanyProfile")
            .field("name", &self.name)
            .field("default_language", &self.default_language)
            .field("default_background", &self.default_background)
            .field("end_call_redirect_url", &self.end_call_redirect_url.as_deref().map(ShownUrl))
            .field("end_call_redirect_delay", &self.end_call_redirect_delay)
            .field("user_details_provider_url", &self.user_details_provider_url.as_deref().map(ShownUrl))
            .field("logos", &self.logos)
            .finish()
    }
}

model! {
    /// A virtual background.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Background {
        required {
            /// The alias. If the vendor represents a background as a string, that string.
            alias: BackgroundAlias = "alias" | "background_alias",
        }
        optional {
            /// Where the picture is.
            url: Option<String> = "url",
            /// When it was uploaded.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

model! {
    /// The virtual backgrounds of a company.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Backgrounds {
        required {}
        optional {
            /// The background used in calls.
            default: Option<Background> = "default_background" via background,
            /// All backgrounds, at most ten.
            items: Vec<Background> = "backgrounds" | "virtual_backgrounds",
        }
    }
}

model! {
    /// The company's own texts in one language. The vendor does not document the response, so it is decoded leniently.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Translation {
        required {
            /// The language.
            language: Language = "language",
        }
        optional {
            /// Where the file is.
            url: Option<String> = "url",
            /// When it was set.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

handle! {
    /// Operations on the company; from [`Client::company`](crate::Client::company).
    Company
}

impl Company {
    /// Reads the settings.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let company = client.company().get().send().await?;
    /// println!("{:?}", company.name);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self) -> Request<CompanyProfile> {
        self.connection.request(Operation::GetCompany, |version| match version {
            ApiVersion::V1 => v1::get(),
            ApiVersion::V2 => v2::get(),
        })
    }

    /// Changes the settings. Fields that are not set stay unchanged.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.company().update().name("Ospedale").no_end_call_redirect().send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(&self) -> UpdateCompany {
        UpdateCompany { of: self.clone(), change: CompanyChange::default() }
    }

    /// Lists all virtual backgrounds in one response.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let used = client.company().backgrounds().send().await?.default;
    /// # Ok(())
    /// # }
    /// ```
    pub fn backgrounds(&self) -> Request<Backgrounds> {
        self.connection.request(Operation::ListBackgrounds, |version| match version {
            ApiVersion::V1 => v1::backgrounds(),
            ApiVersion::V2 => v2::backgrounds(),
        })
    }

    /// Adds a virtual background: a JPEG of at least 1280 × 1280 pixels and at most 16 MB. A company can have ten. To
    /// use it in calls, select it with [`UpdateCompany::background`].
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let picture = bandyer_client::File::jpeg(std::fs::read("waiting-room.jpg")?)?;
    /// let added = client.company().add_background(&picture).send().await?;
    /// client.company().update().background(added.alias).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_background(&self, picture: &File) -> Request<Background> {
        self.connection.try_request(Operation::AddBackground, |version| {
            picture.check_picture(Accepted::BACKGROUND)?;
            Ok(match version {
                ApiVersion::V1 => v1::add_background(picture),
                ApiVersion::V2 => v2::add_background(picture),
            })
        })
    }

    /// Deletes a virtual background.
    ///
    /// ```no_run
    /// # use bandyer_client::{BackgroundAlias, Client};
    /// # async fn run(client: Client, alias: BackgroundAlias) -> bandyer_client::Result<()> {
    /// client.company().delete_background(&alias).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_background(&self, alias: &BackgroundAlias) -> Request<()> {
        self.connection.request(Operation::DeleteBackground, |version| match version {
            ApiVersion::V1 => v1::delete_background(alias),
            ApiVersion::V2 => v2::delete_background(alias),
        })
    }

    #[doc = v2_only!()]
    /// Lists the languages for which the company has its own texts.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// for translation in client.company().translations().send().await? {
    ///     println!("{}", translation.language);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn translations(&self) -> Request<Vec<Translation>> {
        self.connection.request(Operation::ListTranslations, |_| v2::translations())
    }

    #[doc = v2_only!()]
    /// Sets the company's own texts in one language. The format of the file is not documented.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::{File, users::Language};
    ///
    /// let texts = File::new("it.json", "application/json", std::fs::read("it.json")?)?;
    /// client.company().set_translation(&Language::Italian, &texts).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_translation(&self, language: &Language, file: &File) -> Request<()> {
        self.connection.request(Operation::SetTranslation, |_| v2::set_translation(language, file))
    }

    #[doc = v2_only!()]
    /// Restores the vendor's texts in one language.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// client.company().delete_translation(&bandyer_client::users::Language::Italian).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_translation(&self, language: &Language) -> Request<()> {
        self.connection.request(Operation::DeleteTranslation, |_| v2::delete_translation(language))
    }
}

/// A change to the settings. The outer `None` leaves a field unchanged, the inner one clears it.
#[derive(Clone, Default)]
pub(crate) struct CompanyChange {
    pub(crate) name: Option<String>,
    pub(crate) default_language: Option<Language>,
    pub(crate) background: Option<BackgroundAlias>,
    pub(crate) end_call_redirect_url: Option<Option<String>>,
    pub(crate) end_call_redirect_delay: Option<Duration>,
    pub(crate) user_details_provider_url: Option<String>,
}

/// A change to the company; from [`Company::update`].
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateCompany {
    of: Company,
    change: CompanyChange,
}

awaitable!(UpdateCompany => CompanyProfile);

impl UpdateCompany {
    /// Changes the name: letters, digits and `#&@'.,?!`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.change.name = Some(name.into());
        self
    }

    /// Changes the language of users without a language of their own.
    pub fn default_language(mut self, language: Language) -> Self {
        self.change.default_language = Some(language);
        self
    }

    /// Changes the virtual background used in calls.
    pub fn background(mut self, alias: BackgroundAlias) -> Self {
        self.change.background = Some(alias);
        self
    }

    /// Redirects browsers to this address after a call.
    pub fn end_call_redirect(mut self, url: impl Into<String>) -> Self {
        self.change.end_call_redirect_url = Some(Some(url.into()));
        self
    }

    /// Turns the redirect after a call off.
    pub fn no_end_call_redirect(mut self) -> Self {
        self.change.end_call_redirect_url = Some(None);
        self
    }

    /// Sets the delay before the redirect: at most one minute, in whole milliseconds.
    pub const fn end_call_redirect_delay(mut self, delay: Duration) -> Self {
        self.change.end_call_redirect_delay = Some(delay);
        self
    }

    /// Sets the address where the vendor requests names and pictures of users.
    pub fn user_details_provider(mut self, url: impl Into<String>) -> Self {
        self.change.user_details_provider_url = Some(url.into());
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<CompanyProfile> {
        let Self { of: Company { connection }, change } = self;
        connection.try_request(Operation::UpdateCompany, |version| match version {
            _ if change.end_call_redirect_delay.is_some_and(|delay| delay > MAX_REDIRECT_DELAY) => {
                Err("the wait before the redirect is longer than 60 seconds".into())
            }
            ApiVersion::V1 => Ok(v1::update(&change)),
            ApiVersion::V2 => Ok(v2::update(&change)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<CompanyProfile> {
        self.into_request().send().await
    }
}

impl fmt::Debug for UpdateCompany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateCompany").finish_non_exhaustive()
    }
}
