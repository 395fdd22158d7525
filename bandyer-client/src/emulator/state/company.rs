//! The settings of the company.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::files::{Limits, Sent};
use super::users::check_language;
use super::{Slice, Span, State, hex, slice};
use crate::company::{LogoTheme, Palette};
use crate::emulator::refusal::Refusal;
use crate::users::Language;

/// Maximum number of virtual backgrounds.
const MAX_BACKGROUNDS: usize = 10;
/// Maximum delay of the redirect after a call, in milliseconds.
const MAX_REDIRECT_MS: u64 = 60_000;
/// Accepted retention days beyond 15.
const LONG_RETENTIONS: [u64; 6] = [30, 60, 90, 120, 180, 365];

#[derive(Debug, Clone)]
pub(in crate::emulator) struct StoredBackground {
    pub(in crate::emulator) alias: String,
    pub(in crate::emulator) url: String,
    pub(in crate::emulator) created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(in crate::emulator) struct CompanyState {
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) default_language: Language,
    pub(in crate::emulator) default_background: Option<String>,
    pub(in crate::emulator) end_call_redirect_url: Option<String>,
    pub(in crate::emulator) end_call_redirect_ms: u64,
    pub(in crate::emulator) user_details_provider_url: Option<String>,
    pub(in crate::emulator) light: Option<Palette>,
    pub(in crate::emulator) dark: Option<Palette>,
    pub(in crate::emulator) light_logo: Option<String>,
    pub(in crate::emulator) dark_logo: Option<String>,
    pub(in crate::emulator) backgrounds: Vec<StoredBackground>,
    pub(in crate::emulator) translations: BTreeMap<String, (String, Timestamp)>,
    pub(in crate::emulator) retention_days: u64,
    pub(in crate::emulator) compression: bool,
    pub(in crate::emulator) encryption_key: Option<String>,
    pub(in crate::emulator) keys: Vec<(String, Timestamp)>,
}

impl Default for CompanyState {
    fn default() -> Self {
        Self {
            name: "Emulated company".to_owned(),
            default_language: Language::English,
            default_background: None,
            end_call_redirect_url: None,
            end_call_redirect_ms: 0,
            user_details_provider_url: None,
            light: None,
            dark: None,
            light_logo: None,
            dark_logo: None,
            backgrounds: Vec::new(),
            translations: BTreeMap::new(),
            retention_days: 30,
            compression: false,
            encryption_key: None,
            keys: Vec::new(),
        }
    }
}

/// The outer `None` leaves a value unchanged, the inner one clears it.
#[derive(Default)]
pub(in crate::emulator) struct CompanyChange {
    pub(in crate::emulator) name: Option<String>,
    pub(in crate::emulator) default_language: Option<Language>,
    pub(in crate::emulator) background_alias: Option<String>,
    pub(in crate::emulator) end_call_redirect_url: Option<Option<String>>,
    pub(in crate::emulator) end_call_redirect_ms: Option<u64>,
    pub(in crate::emulator) user_details_provider_url: Option<String>,
}

/// The change to one mode of the theme.
pub(in crate::emulator) enum ThemeMode {
    Unchanged,
    Reset,
    Set(Palette),
}

fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

impl CompanyChange {
    fn check(&self, company: &CompanyState) -> Result<(), Refusal> {
        let is_name = |name: &str| {
            !name.trim().is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == ' ' || "#&@'.,?!".contains(c))
        };
        if !self.name.as_deref().is_none_or(is_name) {
            return Err(Refusal::validation("invalid_company_name", "The name holds letters, digits and #&@'.,?!"));
        }
        self.default_language.as_ref().map_or(Ok(()), check_language)?;
        let known = |alias: &String| company.backgrounds.iter().any(|one| one.alias == *alias);
        if !self.background_alias.as_ref().is_none_or(known) {
            return Err(Refusal::validation("invalid_background_alias", "The background does not exist"));
        }
        if !self.end_call_redirect_url.as_ref().is_none_or(|url| url.as_deref().is_none_or(is_url)) {
            return Err(Refusal::validation("invalid_end_call_redirect_url", "The redirect is not a URL"));
        }
        if self.end_call_redirect_ms.is_some_and(|delay| delay > MAX_REDIRECT_MS) {
            let message = "The delay must be from 0 to 60000 milliseconds";
            return Err(Refusal::validation("invalid_end_call_redirect_timeout_ms", message));
        }
        if !self.user_details_provider_url.as_deref().is_none_or(is_url) {
            return Err(Refusal::validation("invalid_user_details_provider_url", "The provider is not a URL"));
        }
        Ok(())
    }
}

impl State {
    pub(in crate::emulator) const fn company(&self) -> &CompanyState {
        &self.company
    }

    pub(in crate::emulator) fn update_company(&mut self, change: CompanyChange) -> Result<(), Refusal> {
        change.check(&self.company)?;
        let company = &mut self.company;
        company.name = change.name.unwrap_or_else(|| std::mem::take(&mut company.name));
        company.default_language = change.default_language.unwrap_or_else(|| company.default_language.clone());
        company.default_background = change.background_alias.or_else(|| company.default_background.take());
        company.end_call_redirect_url =
            change.end_call_redirect_url.unwrap_or_else(|| company.end_call_redirect_url.take());
        company.end_call_redirect_ms = change.end_call_redirect_ms.unwrap_or(company.end_call_redirect_ms);
        company.user_details_provider_url =
            change.user_details_provider_url.or_else(|| company.user_details_provider_url.take());
        Ok(())
    }

    pub(in crate::emulator) fn update_theme(&mut self, light: ThemeMode, dark: ThemeMode) -> Result<(), Refusal> {
        if matches!((&light, &dark), (ThemeMode::Unchanged, ThemeMode::Unchanged)) {
            return Err(Refusal::validation("missing_theme", "At least one of light and dark must be sent"));
        }
        for (mode, slot) in [(light, &mut self.company.light), (dark, &mut self.company.dark)] {
            match mode {
                ThemeMode::Unchanged => {}
                ThemeMode::Reset => *slot = None,
                ThemeMode::Set(palette) => *slot = Some(palette),
            }
        }
        Ok(())
    }

    pub(in crate::emulator) fn set_logo(&mut self, picture: &Sent, theme: &LogoTheme) -> Result<(), Refusal> {
        let (light, dark) = match theme {
            LogoTheme::All => (true, true),
            LogoTheme::Light => (true, false),
            LogoTheme::Dark => (false, true),
            LogoTheme::Unknown(_) => {
                return Err(Refusal::validation("invalid_company_logo_theme", "The theme is all, light or dark"));
            }
        };
        picture.check(&Limits { png: true, max_bytes: 500 * 1024, min_side: 200 })?;
        let url = self.store_permanently(picture);
        if light {
            self.company.light_logo = Some(url.clone());
        }
        if dark {
            self.company.dark_logo = Some(url);
        }
        Ok(())
    }

    pub(in crate::emulator) fn add_background(&mut self, picture: &Sent) -> Result<StoredBackground, Refusal> {
        picture.check(&Limits { png: false, max_bytes: 16 * 1024 * 1024, min_side: 1280 })?;
        if self.company.backgrounds.len() >= MAX_BACKGROUNDS {
            return Err(Refusal::request("exceeded_background_limit", "A company has at most 10 backgrounds"));
        }
        let url = self.store_permanently(picture);
        let background = StoredBackground { alias: hex(32), url, created_at: self.now() };
        self.company.backgrounds.push(background.clone());
        Ok(background)
    }

    pub(in crate::emulator) fn delete_background(&mut self, alias: &str) -> Result<StoredBackground, Refusal> {
        let company = &mut self.company;
        let place = company.backgrounds.iter().position(|one| one.alias == alias);
        let place = place.ok_or_else(|| Refusal::not_found("background_not_found", "The background does not exist"))?;
        company.default_background = company.default_background.take().filter(|default| default != alias);
        let removed = company.backgrounds.remove(place);
        self.remove_file(Some(&removed.url));
        Ok(removed)
    }

    pub(in crate::emulator) fn set_translation(&mut self, language: &str, file: &Sent) -> Result<(), Refusal> {
        check_language(&Language::from(language))?;
        let url = self.store_permanently(file);
        let now = self.now();
        let replaced = self.company.translations.insert(language.to_owned(), (url, now));
        self.remove_file(replaced.as_ref().map(|(url, _)| url.as_str()));
        Ok(())
    }

    pub(in crate::emulator) fn delete_translation(&mut self, language: &str) -> Result<(), Refusal> {
        let removed = self.company.translations.remove(language);
        removed.map(drop).ok_or_else(|| Refusal::not_found("translation_not_found", "The translation does not exist"))
    }

    /// For the key, the outer `None` leaves it unchanged, the inner one disables encryption.
    pub(in crate::emulator) fn update_recording_settings(
        &mut self,
        compression: bool,
        retention_days: Option<u64>,
        key: Option<Option<String>>,
    ) -> Result<(), Refusal> {
        if retention_days.is_some_and(|days| days > 15 && !LONG_RETENTIONS.contains(&days)) {
            let message = "Recordings are kept for 0 to 15, 30, 60, 90, 120, 180 or 365 days";
            return Err(Refusal::unprocessable_request("retention_not_allowed", message));
        }
        if key.as_ref().is_some_and(|key| key.as_ref().is_some_and(|id| !self.company.keys.iter().any(|k| k.0 == *id)))
        {
            return Err(unknown_key());
        }
        let company = &mut self.company;
        company.compression = compression;
        company.retention_days = retention_days.unwrap_or(company.retention_days);
        company.encryption_key = key.unwrap_or_else(|| company.encryption_key.take());
        Ok(())
    }

    pub(in crate::emulator) fn create_key(&mut self, pem: &str) -> Result<(String, Timestamp), Refusal> {
        let one_line: String = pem.split_whitespace().collect();
        if !(one_line.starts_with("-----BEGIN") && one_line.ends_with("KEY-----")) {
            return Err(Refusal::validation("invalid_public_key_error", "The key is not an RSA public key in PEM"));
        }
        let key = (format!("pk_{}", hex(12)), self.now());
        self.company.keys.push(key.clone());
        Ok(key)
    }

    pub(in crate::emulator) fn key(&self, id: &str) -> Result<&(String, Timestamp), Refusal> {
        self.company.keys.iter().find(|key| key.0 == id).ok_or_else(unknown_key)
    }

    pub(in crate::emulator) fn list_keys(&self, span: Span) -> Slice<&(String, Timestamp)> {
        slice(self.company.keys.iter().rev(), span)
    }
}

fn unknown_key() -> Refusal {
    Refusal::not_found("invalid_key_error", "The encryption key does not exist")
}
