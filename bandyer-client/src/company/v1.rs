use serde::Deserialize;

use super::json::{
    AliasBody, BackgroundRecord, ChangeBody, KeyBody, KeyRecord, LogosRecord, Record, SettingsBody, ThemeBody,
    ThemeRecord, key, logo_parts, settings, some_background,
};
use crate::company::{
    Background, Backgrounds, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, RecordingSettings,
    SettingsChange, Theme, ThemeChange,
};
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json, nothing, page_of};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::types::file::File;
use crate::types::ids::{BackgroundAlias, EncryptionKeyId};
use crate::types::page::Page;
use crate::types::page::Window;

#[derive(Deserialize)]
struct Enveloped {
    company: Record,
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

pub(crate) fn get() -> Wire<CompanyProfile> {
    Call::v1(Operation::GetCompany, &[]).decode_with(company)
}

/// Idempotent although it is a POST.
pub(crate) fn update(change: &CompanyChange) -> Wire<CompanyProfile> {
    Call::v1(Operation::UpdateCompany, &[]).json(&ChangeBody::from(change)).decode_with(company)
}

pub(crate) fn theme() -> Wire<Theme> {
    Call::v1(Operation::GetTheme, &[]).decode_with(enveloped_theme)
}

pub(crate) fn update_theme(change: &ThemeChange) -> Wire<Theme> {
    Call::v1(Operation::UpdateTheme, &[]).json(&ThemeBody::from(change)).decode_with(enveloped_theme)
}

pub(crate) fn set_logo(picture: &File, theme: Option<&LogoTheme>) -> Wire<Logos> {
    Call::v1(Operation::SetLogo, &[])
        .form(&logo_parts(picture, theme))
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
    Call::v1(Operation::ListBackgrounds, &[]).decode_with(|body| {
        let Enveloped { virtual_backgrounds: listed } = json(body)?;
        let items = listed.backgrounds.into_iter().map(Background::from).collect();
        Ok(Backgrounds { default: listed.default_background, items })
    })
}

/// Not idempotent: each call adds a background.
pub(crate) fn add_background(picture: &File) -> Wire<Background> {
    Call::v1(Operation::AddBackground, &[])
        .form(&[Part::File("virtual_background", picture)])
        .decode_with(enveloped_background)
}

pub(crate) fn delete_background(alias: &BackgroundAlias) -> Wire<()> {
    Call::v1(Operation::DeleteBackground, &[]).json(&AliasBody { background_alias: alias }).decode_with(nothing)
}

pub(crate) fn recording_settings() -> Wire<RecordingSettings> {
    Call::v1(Operation::GetRecordingSettings, &[]).decode_with(settings)
}

pub(crate) fn update_recording_settings(change: &SettingsChange) -> Wire<RecordingSettings> {
    Call::v1(Operation::UpdateRecordingSettings, &[]).json(&SettingsBody::from(change)).decode_with(settings)
}

pub(crate) fn encryption_keys(window: Window) -> Wire<Page<EncryptionKey>> {
    Call::v1(Operation::ListEncryptionKeys, &[]).skip_and_limit(window).decode_with(page_of!(window, keys: KeyRecord))
}

pub(crate) fn create_encryption_key(public_key: &str) -> Wire<EncryptionKey> {
    Call::v1(Operation::CreateEncryptionKey, &[]).json(&KeyBody { public_key }).decode_with(key)
}

pub(crate) fn encryption_key(id: &EncryptionKeyId) -> Wire<EncryptionKey> {
    Call::v1(Operation::GetEncryptionKey, &[id.as_str()]).decode_with(key)
}
