//! Colours and logos.

use crate::types::api_version::ApiVersion;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Company;
use super::{v1, v2};
use crate::error::Result;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::file::{Accepted, File};
use crate::types::model::{lenient_by_serde, model};
use crate::types::open_enum::open_enum;

/// A colour, written `#RRGGBB`.
///
/// ```
/// use bandyer_client::company::Color;
///
/// # fn main() -> Result<(), bandyer_client::company::InvalidColor> {
/// assert_eq!(Color::rgb(0x48, 0x0c, 0xa8), "#480ca8".parse::<Color>()?);
/// assert!("480ca8".parse::<Color>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Color(Box<str>);

/// The text is not `#` followed by six hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written `#RRGGBB`")]
#[non_exhaustive]
pub struct InvalidColor;

impl Color {
    /// Creates a colour from its red, green and blue parts.
    #[must_use]
    pub fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self(format!("#{red:02x}{green:02x}{blue:02x}").into())
    }

    /// The colour as `#rrggbb`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').ok_or(InvalidColor)?;
        let fits = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { Ok(Self(text.into())) } else { Err(InvalidColor) }
    }
}

/// The two colours of a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Palette {
    /// The main colour.
    #[serde(rename = "primary_color")]
    pub primary: Color,
    /// The accent colour.
    #[serde(rename = "accent_color")]
    pub accent: Color,
}

impl Palette {
    /// Creates a palette from two colours.
    #[must_use]
    pub const fn new(primary: Color, accent: Color) -> Self {
        Self { primary, accent }
    }
}

lenient_by_serde!(Palette);

model! {
    /// The company's colours and, on v2, its logos.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Theme {
        required {}
        optional {
            /// Colours of the light mode; `None` stands for the vendor's own.
            light: Option<Palette> = "light",
            /// Colours of the dark mode; `None` stands for the vendor's own.
            dark: Option<Palette> = "dark",
            /// The logos. Only v2 returns them as a part of the theme.
            logos: Option<Logos> = "logos" | "logo",
        }
    }
}

model! {
    /// The addresses of the logos.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Logos {
        required {}
        optional {
            /// For the light mode.
            light_url: Option<String> = "light_url" | "logo_url",
            /// For the dark mode.
            dark_url: Option<String> = "dark_url" | "logo_dark_url",
        }
    }
}

open_enum! {
    /// The modes in which a logo is shown.
    pub enum LogoTheme {
        /// Both modes.
        All = "all",
        /// The light mode.
        Light = "light",
        /// The dark mode.
        Dark = "dark",
    }
}

impl Company {
    /// Reads the colours.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let light = client.company().theme().send().await?.light;
    /// # Ok(())
    /// # }
    /// ```
    pub fn theme(&self) -> Request<Theme> {
        self.connection.request(Operation::GetTheme, |version| match version {
            ApiVersion::V1 => v1::theme(),
            ApiVersion::V2 => v2::theme(),
        })
    }

    /// Changes the colours. At least one mode must be set or reset.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::company::{Color, Palette};
    ///
    /// let palette = Palette::new("#480ca8".parse()?, Color::rgb(255, 255, 255));
    /// client.company().update_theme().light(palette).reset_dark().send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_theme(&self) -> UpdateTheme {
        UpdateTheme { of: self.clone(), change: ThemeChange::default() }
    }

    /// Sets the logo: PNG or JPEG, at least 200 × 200 pixels (300 × 300 recommended) and at most 500 KB.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::{File, company::LogoTheme};
    ///
    /// let picture = File::png(std::fs::read("logo.png")?)?;
    /// client.company().set_logo(&picture).theme(LogoTheme::Light).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_logo(&self, picture: &File) -> SetLogo {
        SetLogo { of: self.clone(), picture: picture.clone(), theme: None }
    }
}

/// The outer `None` leaves a mode unchanged, the inner one resets it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThemeChange {
    pub(crate) light: Option<Option<Palette>>,
    pub(crate) dark: Option<Option<Palette>>,
}

/// A change to the colours; from [`Company::update_theme`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateTheme {
    of: Company,
    change: ThemeChange,
}

awaitable!(UpdateTheme => Theme);

impl UpdateTheme {
    /// Sets the colours of the light mode.
    pub fn light(mut self, palette: Palette) -> Self {
        self.change.light = Some(Some(palette));
        self
    }

    /// Sets the colours of the dark mode.
    pub fn dark(mut self, palette: Palette) -> Self {
        self.change.dark = Some(Some(palette));
        self
    }

    /// Resets the light mode to the vendor's colours.
    pub fn reset_light(mut self) -> Self {
        self.change.light = Some(None);
        self
    }

    /// Resets the dark mode to the vendor's colours.
    pub fn reset_dark(mut self) -> Self {
        self.change.dark = Some(None);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<Theme> {
        let Self { of: Company { connection }, change } = self;
        connection.try_request(Operation::UpdateTheme, |version| match version {
            _ if change.light.is_none() && change.dark.is_none() => {
                Err("neither the light nor the dark mode is mentioned".into())
            }
            ApiVersion::V1 => Ok(v1::update_theme(&change)),
            ApiVersion::V2 => Ok(v2::update_theme(&change)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Theme> {
        self.into_request().send().await
    }
}

/// A new logo; from [`Company::set_logo`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct SetLogo {
    of: Company,
    picture: File,
    theme: Option<LogoTheme>,
}

awaitable!(SetLogo => Logos);

impl SetLogo {
    /// Sets the mode of the logo; both modes by default. On v2 the name of the field is inferred from v1.
    pub fn theme(mut self, theme: LogoTheme) -> Self {
        self.theme = Some(theme);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<Logos> {
        let Self { of: Company { connection }, picture, theme } = self;
        connection.try_request(Operation::SetLogo, |version| {
            picture.check_picture(Accepted::PORTRAIT)?;
            Ok(match version {
                ApiVersion::V1 => v1::set_logo(&picture, theme.as_ref()),
                ApiVersion::V2 => v2::set_logo(&picture, theme.as_ref()),
            })
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Logos> {
        self.into_request().send().await
    }
}
