//! Colours and logo as the configuration file holds them.

use bandyer_client::company::Color;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::domain::link;

/// Three or six hex digits.
const COLOR_PATTERN: &str = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$";
/// The predecessor's default for the logo, which old files hold. It leads nowhere.
const PLACEHOLDER_HOST: &str = "www.insert.url.it";

/// Colours of both modes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Theme {
    /// Of the light mode.
    pub light: Option<ThemeColors>,
    /// Of the dark mode.
    pub dark: Option<ThemeColors>,
}

/// Colours of one mode.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThemeColors {
    /// The main colour.
    #[schemars(regex(pattern = COLOR_PATTERN))]
    pub primary_color: Option<String>,
    /// The other one.
    #[schemars(regex(pattern = COLOR_PATTERN))]
    pub accent_color: Option<String>,
}

/// The company's picture.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CompanyLogo {
    /// Where the picture is.
    #[schemars(url)]
    pub url: String,
}

/// What the address of a logo is good for.
#[derive(Debug, PartialEq, Eq)]
pub enum LogoUrl {
    /// The logo is read from there.
    Usable(Url),
    /// It is the predecessor's placeholder.
    Placeholder,
    /// It is not https.
    Insecure,
}

impl CompanyLogo {
    /// Parses the address; `None` if it is not one of http or https.
    #[must_use]
    pub fn parse(&self) -> Option<LogoUrl> {
        let url = Url::parse(&self.url).ok().filter(|url| ["http", "https"].contains(&url.scheme()))?;
        Some(match url.host_str() {
            Some(PLACEHOLDER_HOST) => LogoUrl::Placeholder,
            _ if link::is_safe(&self.url) => LogoUrl::Usable(url),
            _ => LogoUrl::Insecure,
        })
    }
}

/// Parses `#rgb` and `#rrggbb`. The vendor wants six digits; the predecessor's own default has three.
#[must_use]
pub fn parse_color(text: &str) -> Option<Color> {
    match text.strip_prefix('#') {
        Some(digits) if digits.chars().count() == 3 => {
            digits.chars().fold("#".to_owned(), |text, digit| format!("{text}{digit}{digit}")).parse().ok()
        }
        _ => text.parse().ok(),
    }
}
