use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_with::skip_serializing_none;

use crate::company::{
    Background, Backgrounds, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, Palette,
    RecordingSettings, SettingsChange, Theme, ThemeChange,
};
use crate::model::file::File;
use crate::model::ids::{BackgroundAlias, EncryptionKeyId};
use crate::model::page::Page;
use crate::users::Language;
use crate::wire::multipart::Part;
use crate::wire::{Call, DecodeFailure, Window, Wire, json, lenient, nothing, page_of};

/// Both API versions use the same field names.
#[skip_serializing_none]
#[derive(Serialize)]
pub(in crate::wire) struct ChangeBody<'a> {
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
pub(in crate::wire) struct ThemeBody<'a> {
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
pub(in crate::wire) struct SettingsBody<'a> {
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

#[derive(Deserialize)]
struct Enveloped {
    company: Record,
}

#[derive(Default, Deserialize)]
pub(in crate::wire) struct Record {
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
pub(in crate::wire) struct LogosRecord {
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
pub(in crate::wire) struct BackgroundRecord {
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
pub(in crate::wire) fn some_background<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Background>, D::Error> {
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
pub(in crate::wire) struct ThemeRecord {
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
pub(in crate::wire) struct SettingsRecord {
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
pub(in crate::wire) struct KeyRecord {
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

fn company(body: &[u8]) -> Result<CompanyProfile, DecodeFailure> {
    json::<Enveloped>(body).map(|enveloped| enveloped.company.into())
}

fn enveloped_theme(body: &[u8]) -> Result<Theme, DecodeFailure> {
    #[derive(Deserialize)]
    struct Enveloped {
        theme: ThemeRecord,
    }
    json::<Enveloped>(body).map(|enveloped| enveloped.theme.into())
}

fn enveloped_background(body: &[u8]) -> Result<Background, DecodeFailure> {
    #[derive(Deserialize)]
    struct Enveloped {
        virtual_background: BackgroundRecord,
    }
    json::<Enveloped>(body).map(|enveloped| enveloped.virtual_background.into())
}

pub(in crate::wire) fn key(body: &[u8]) -> Result<EncryptionKey, DecodeFailure> {
    json::<KeyRecord>(body).map(EncryptionKey::from)
}

pub(in crate::wire) fn settings(body: &[u8]) -> Result<RecordingSettings, DecodeFailure> {
    json::<SettingsRecord>(body).map(RecordingSettings::from)
}

pub(in crate::wire) fn logo_parts<'a>(picture: &'a File, theme: Option<&'a LogoTheme>) -> Vec<Part<'a>> {
    let theme = theme.map(|theme| Part::Text("theme", theme.as_str()));
    theme.into_iter().chain([Part::File("logo", picture)]).collect()
}

#[derive(Serialize)]
pub(in crate::wire) struct AliasBody<'a> {
    pub(in crate::wire) background_alias: &'a BackgroundAlias,
}

#[derive(Serialize)]
pub(in crate::wire) struct KeyBody<'a> {
    pub(in crate::wire) public_key: &'a str,
}

pub(crate) fn get() -> Wire<CompanyProfile> {
    Call::get(&["company"]).decode_with(company)
}

/// Idempotent although it is a POST.
pub(crate) fn update(change: &CompanyChange) -> Wire<CompanyProfile> {
    Call::post(&["company", "update"]).json(&ChangeBody::from(change)).idempotent(true).decode_with(company)
}

pub(crate) fn theme() -> Wire<Theme> {
    Call::get(&["company", "theme"]).decode_with(enveloped_theme)
}

pub(crate) fn update_theme(change: &ThemeChange) -> Wire<Theme> {
    Call::post(&["company", "theme"]).json(&ThemeBody::from(change)).idempotent(true).decode_with(enveloped_theme)
}

pub(crate) fn set_logo(picture: &File, theme: Option<&LogoTheme>) -> Wire<Logos> {
    Call::post(&["company", "logo", "update"])
        .form(&logo_parts(picture, theme))
        .idempotent(true)
        .decode_with(|body| json::<LogosRecord>(body).map(Logos::from))
}

pub(crate) fn backgrounds() -> Wire<Backgrounds> {
    #[derive(Deserialize)]
    struct Enveloped {
        virtual_backgrounds: Listed,
    }
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default, deserialize_with = "some_background")]
        default_background: Option<Background>,
        #[serde(default)]
        backgrounds: Vec<BackgroundRecord>,
    }
    Call::get(&["company", "virtual-backgrounds"]).decode_with(|body| {
        let Enveloped { virtual_backgrounds: listed } = json(body)?;
        let items = listed.backgrounds.into_iter().map(Background::from).collect();
        Ok(Backgrounds { default: listed.default_background, items })
    })
}

/// Not idempotent: each call adds a background.
pub(crate) fn add_background(picture: &File) -> Wire<Background> {
    Call::post(&["company", "virtual-background"])
        .form(&[Part::File("virtual_background", picture)])
        .decode_with(enveloped_background)
}

pub(crate) fn delete_background(alias: &BackgroundAlias) -> Wire<()> {
    Call::delete(&["company", "virtual-background"]).json(&AliasBody { background_alias: alias }).decode_with(nothing)
}

pub(crate) fn recording_settings() -> Wire<RecordingSettings> {
    Call::get(&["recording", "config"]).decode_with(settings)
}

pub(crate) fn update_recording_settings(change: &SettingsChange) -> Wire<RecordingSettings> {
    Call::post(&["recording", "config"]).json(&SettingsBody::from(change)).idempotent(true).decode_with(settings)
}

pub(crate) fn encryption_keys(window: Window) -> Wire<Page<EncryptionKey>> {
    Call::get(&["key", "list"]).skip_and_limit(window).decode_with(page_of!(window, keys: KeyRecord))
}

pub(crate) fn create_encryption_key(public_key: &str) -> Wire<EncryptionKey> {
    Call::post(&["key", "create"]).json(&KeyBody { public_key }).decode_with(key)
}

pub(crate) fn encryption_key(id: &EncryptionKeyId) -> Wire<EncryptionKey> {
    Call::get(&["key", id.as_str()]).decode_with(key)
}
