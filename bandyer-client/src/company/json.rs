//! Bodies and records of the company. Both API versions use the same field names.

use std::time::Duration;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::company::{CompanyChange, LogoTheme, Palette, SettingsChange, ThemeChange};
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
            end_call_redirect_timeout_ms: change.end_call_redirect_delay.map(as_milliseconds),
            user_details_provider_url: change.user_details_provider_url.as_deref(),
        }
    }
}

fn as_milliseconds(duration: Duration) -> u64 {
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

/// A background is an object in one source and a plain string in another.
pub(super) mod background {
    use serde_json::Value;

    use crate::company::Background;
    use crate::types::ids::BackgroundAlias;
    use crate::types::model::{Field, Fields};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<Background> {
        fields.first(names).or_else(|| fields.first::<BackgroundAlias>(names).map(Background::new))
    }

    pub(crate) fn write(background: &Option<Background>) -> Option<Value> {
        background.write()
    }
}

/// A time in milliseconds.
pub(super) mod milliseconds {
    use std::time::Duration;

    use serde_json::Value;

    use crate::types::model::Fields;

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<Duration> {
        fields.first(names).map(Duration::from_millis)
    }

    pub(crate) fn write(time: &Option<Duration>) -> Option<Value> {
        time.map(|time| super::as_milliseconds(time).into())
    }
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
