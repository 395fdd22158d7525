use super::json::{AliasBody, ChangeBody, KeyBody, SettingsBody, ThemeBody, logo_parts};
use crate::company::{
    Background, Backgrounds, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, RecordingSettings,
    SettingsChange, Theme, ThemeChange,
};
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, json_at, nothing, page};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::types::file::File;
use crate::types::ids::{BackgroundAlias, EncryptionKeyId};
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn get() -> Wire<CompanyProfile> {
    Call::v1(Operation::GetCompany, &[]).decode_with(|body| json_at(body, "company"))
}

/// Idempotent although it is a POST.
pub(crate) fn update(change: &CompanyChange) -> Wire<CompanyProfile> {
    Call::v1(Operation::UpdateCompany, &[]).json(&ChangeBody::from(change)).decode_with(|body| json_at(body, "company"))
}

pub(crate) fn theme() -> Wire<Theme> {
    Call::v1(Operation::GetTheme, &[]).decode_with(|body| json_at(body, "theme"))
}

pub(crate) fn update_theme(change: &ThemeChange) -> Wire<Theme> {
    Call::v1(Operation::UpdateTheme, &[]).json(&ThemeBody::from(change)).decode_with(|body| json_at(body, "theme"))
}

pub(crate) fn set_logo(picture: &File, theme: Option<&LogoTheme>) -> Wire<Logos> {
    Call::v1(Operation::SetLogo, &[]).form(&logo_parts(picture, theme)).decode_with(json)
}

pub(crate) fn backgrounds() -> Wire<Backgrounds> {
    Call::v1(Operation::ListBackgrounds, &[]).decode_with(|body| json_at(body, "virtual_backgrounds"))
}

/// Not idempotent: each call adds a background.
pub(crate) fn add_background(picture: &File) -> Wire<Background> {
    Call::v1(Operation::AddBackground, &[])
        .form(&[Part::File("virtual_background", picture)])
        .decode_with(|body| json_at(body, "virtual_background"))
}

pub(crate) fn delete_background(alias: &BackgroundAlias) -> Wire<()> {
    Call::v1(Operation::DeleteBackground, &[]).json(&AliasBody { background_alias: alias }).decode_with(nothing)
}

pub(crate) fn recording_settings() -> Wire<RecordingSettings> {
    Call::v1(Operation::GetRecordingSettings, &[]).decode_with(json)
}

pub(crate) fn update_recording_settings(change: &SettingsChange) -> Wire<RecordingSettings> {
    Call::v1(Operation::UpdateRecordingSettings, &[]).json(&SettingsBody::from(change)).decode_with(json)
}

pub(crate) fn encryption_keys(window: Window) -> Wire<Page<EncryptionKey>> {
    Call::v1(Operation::ListEncryptionKeys, &[]).skip_and_limit(window).decode_with(page(window, "keys"))
}

pub(crate) fn create_encryption_key(public_key: &str) -> Wire<EncryptionKey> {
    Call::v1(Operation::CreateEncryptionKey, &[]).json(&KeyBody { public_key }).decode_with(json)
}

pub(crate) fn encryption_key(id: &EncryptionKeyId) -> Wire<EncryptionKey> {
    Call::v1(Operation::GetEncryptionKey, &[id.as_str()]).decode_with(json)
}
