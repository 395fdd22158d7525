//! Bodies and records of the company. Both API versions use the same field names.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_with::skip_serializing_none;

use crate::company::{
    Background, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, Palette, RecordingSettings,
    SettingsChange, Theme, ThemeChange,
};
use crate::http::decode::{DecodeFailure, json};
use crate::http::lenient;
use crate::http::multipart::Part;
use crate::types::file::File;
use crate::types::ids::{BackgroundAlias, EncryptionKeyId};
use crate::users::Language;

#[skip_serializing_none]
#[derive(Serialize)]
pub(crate) struct ChangeBody<'a> {
    name: Option<&'a str>,
    default_language: Option<&'a Language>,
    background_alias: Option<&'a BackgroundAlias>,
    /// Null turns the redirect off.
    end_call_redirect_url: Option<Option<&'a str>>,
    end_call_redirect_timeout_ms: Option<u64>,
    user_details_provider_url: Option<&'a str>,
}

impl<'a> From<&'a CompanyChange> for ChangeBody<'a> {
    fn from(change: &'a CompanyChange) -> Self {
        Self {
            name: change.name.as_deref(),
            default_language: change.default_language.as_ref(),
            background_alias: change.background.as_ref(),
            end_call_redirect_url: change.end_call_redirect_url.as_ref().map(Option::as_deref),
            end_call_redirect_timeout_ms: change.end_call_redirect_delay.map(milliseconds),
            user_details_provider_url: change.user_details_provider_url.as_deref(),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[skip_serializing_none]
#[derive(Serialize)]
pub(crate) struct ThemeBody<'a> {
    /// Null restores the vendor's colours.
    light: Option<Option<&'a Palette>>,
    dark: Option<Option<&'a Palette>>,
}

impl<'a> From<&'a ThemeChange> for ThemeBody<'a> {
    fn from(change: &'a ThemeChange) -> Self {
        Self { light: change.light.as_ref().map(Option::as_ref), dark: change.dark.as_ref().map(Option::as_ref) }
    }
}

#[skip_serializing_none]
#[derive(Serialize)]
pub(crate) struct SettingsBody<'a> {
    compression: bool,
    retention_days: Option<u32>,
    /// Null turns encryption off.
    encryption_key_id: Option<Option<&'a EncryptionKeyId>>,
}

impl<'a> From<&'a SettingsChange> for SettingsBody<'a> {
    fn from(change: &'a SettingsChange) -> Self {
        Self {
            compression: change.compression,
            retention_days: change.retention_days,
            encryption_key_id: change.encryption_key.as_ref().map(Option::as_ref),
        }
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct Record {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    default_language: Option<Language>,
    #[serde(default, deserialize_with = "some_background")]
    default_background: Option<Background>,
    #[serde(default, deserialize_with = "lenient::text")]
    end_call_redirect_url: Option<String>,
    end_call_redirect_timeout_ms: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    user_details_provider_url: Option<String>,
    #[serde(default)]
    logos: Option<LogosRecord>,
}

impl From<Record> for CompanyProfile {
    fn from(record: Record) -> Self {
        Self {
            name: record.name,
            default_language: record.default_language,
            default_background: record.default_background,
            end_call_redirect_url: record.end_call_redirect_url,
            end_call_redirect_delay: record.end_call_redirect_timeout_ms.map(Duration::from_millis),
            user_details_provider_url: record.user_details_provider_url,
            logos: record.logos.map(Logos::from),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogosRecord {
    #[serde(alias = "logo_url", deserialize_with = "lenient::text")]
    light_url: Option<String>,
    #[serde(alias = "logo_dark_url", deserialize_with = "lenient::text")]
    dark_url: Option<String>,
}

impl From<LogosRecord> for Logos {
    fn from(record: LogosRecord) -> Self {
        Self { light_url: record.light_url, dark_url: record.dark_url }
    }
}

#[derive(Deserialize)]
pub(crate) struct BackgroundRecord {
    #[serde(alias = "background_alias")]
    alias: BackgroundAlias,
    #[serde(default, deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

impl From<BackgroundRecord> for Background {
    fn from(record: BackgroundRecord) -> Self {
        Self { alias: record.alias, url: record.url, created_at: record.creation_date }
    }
}

/// A background is an object in one source and a plain string in another; any other value becomes `None`.
pub(crate) fn some_background<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Background>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Object(BackgroundRecord),
        Text(BackgroundAlias),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Object(record) => Some(record.into()),
        Written::Text(alias) if alias.as_str().is_empty() => None,
        Written::Text(alias) => Some(Background { alias, url: None, created_at: None }),
        Written::Other(_) => None,
    })
}

#[derive(Default, Deserialize)]
pub(crate) struct ThemeRecord {
    #[serde(default, deserialize_with = "lenient::maybe")]
    light: Option<Palette>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    dark: Option<Palette>,
    #[serde(default, alias = "logo", deserialize_with = "lenient::maybe")]
    logos: Option<LogosRecord>,
}

impl From<ThemeRecord> for Theme {
    fn from(record: ThemeRecord) -> Self {
        Self { light: record.light, dark: record.dark, logos: record.logos.map(Logos::from) }
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct SettingsRecord {
    retention_days: Option<u32>,
    #[serde(default, deserialize_with = "lenient::flag")]
    compression: Option<bool>,
    #[serde(default)]
    encryption_key_id: Option<EncryptionKeyId>,
}

impl From<SettingsRecord> for RecordingSettings {
    fn from(record: SettingsRecord) -> Self {
        Self {
            retention_days: record.retention_days,
            compression: record.compression,
            encryption_key: record.encryption_key_id,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct KeyRecord {
    #[serde(alias = "id")]
    key_id: EncryptionKeyId,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

impl From<KeyRecord> for EncryptionKey {
    fn from(record: KeyRecord) -> Self {
        Self { id: record.key_id, created_at: record.creation_date }
    }
}

pub(crate) fn key(body: &[u8]) -> Result<EncryptionKey, DecodeFailure> {
    json::<KeyRecord>(body).map(EncryptionKey::from)
}

pub(crate) fn settings(body: &[u8]) -> Result<RecordingSettings, DecodeFailure> {
    json::<SettingsRecord>(body).map(RecordingSettings::from)
}

pub(crate) fn logo_parts<'a>(picture: &'a File, theme: Option<&'a LogoTheme>) -> Vec<Part<'a>> {
    let theme = theme.map(|theme| Part::Text("theme", theme.as_str()));
    theme.into_iter().chain([Part::File("logo", picture)]).collect()
}

#[derive(Serialize)]
pub(crate) struct AliasBody<'a> {
    pub(crate) background_alias: &'a BackgroundAlias,
}

#[derive(Serialize)]
pub(crate) struct KeyBody<'a> {
    pub(crate) public_key: &'a str,
}
