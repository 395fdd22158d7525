use serde_json::Value;

use super::json::{AliasBody, ChangeBody, KeyBody, SettingsBody, ThemeBody, logo_parts};
use crate::company::{
    Background, Backgrounds, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, RecordingSettings,
    SettingsChange, Theme, ThemeChange, Translation,
};
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, items, json, json_or, missing, nothing, page_named};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::types::file::File;
use crate::types::ids::{BackgroundAlias, EncryptionKeyId};
use crate::types::model::{Fields, Lenient};
use crate::types::page::Page;
use crate::types::page::Window;
use crate::users::Language;

pub(crate) fn get() -> Wire<CompanyProfile> {
    Call::v2(Operation::GetCompany, &[]).decode_with(json)
}

pub(crate) fn update(change: &CompanyChange) -> Wire<CompanyProfile> {
    Call::v2(Operation::UpdateCompany, &[])
        .json(&ChangeBody::from(change))
        .decode_with(|body| json_or(body, json, CompanyProfile::default))
}

pub(crate) fn theme() -> Wire<Theme> {
    Call::v2(Operation::GetTheme, &[]).decode_with(json)
}

pub(crate) fn update_theme(change: &ThemeChange) -> Wire<Theme> {
    Call::v2(Operation::UpdateTheme, &[])
        .json(&ThemeBody::from(change))
        .decode_with(|body| json_or(body, json, Theme::default))
}

/// The response is not documented, so one without addresses is accepted.
pub(crate) fn set_logo(picture: &File, theme: Option<&LogoTheme>) -> Wire<Logos> {
    Call::v2(Operation::SetLogo, &[])
        .form(&logo_parts(picture, theme))
        .decode_with(|body| Ok(json(body).unwrap_or_default()))
}

/// The backgrounds have the same name as in v1, with or without its envelope.
pub(crate) fn backgrounds() -> Wire<Backgrounds> {
    Call::v2(Operation::ListBackgrounds, &[]).decode_with(|body| {
        let fields: Fields = json(body)?;
        let listed = fields.first::<Fields>(&["virtual_backgrounds"]).unwrap_or(fields);
        let (items, _) = items(&listed, &["backgrounds", "virtual_backgrounds"])?;
        let mut backgrounds = Backgrounds::read(&listed).map_err(missing)?;
        backgrounds.items = items;
        Ok(backgrounds)
    })
}

fn background(body: &[u8]) -> Result<Background, DecodeFailure> {
    let fields: Fields = json(body)?;
    Background::read(&fields.first(&["virtual_background"]).unwrap_or(fields)).map_err(missing)
}

pub(crate) fn add_background(picture: &File) -> Wire<Background> {
    Call::v2(Operation::AddBackground, &[]).form(&[Part::File("virtual_background", picture)]).decode_with(background)
}

pub(crate) fn delete_background(alias: &BackgroundAlias) -> Wire<()> {
    Call::v2(Operation::DeleteBackground, &[]).json(&AliasBody { background_alias: alias }).decode_with(nothing)
}

/// The response is not documented. Both an array of objects with a language and an object with languages as keys are
/// accepted, at the top level or under `translations`. Anything else yields an empty list.
fn read_translations(body: &[u8]) -> Result<Vec<Translation>, DecodeFailure> {
    let response: Value = json(body)?;
    let listed = response.get("translations").unwrap_or(&response);
    let read = |language: Option<&str>, value: &Value| {
        let fields = Fields::read(value).unwrap_or_default();
        let language = language.map(Language::from).or_else(|| fields.first(&["language"]))?;
        Translation::read(&fields.with("language", &language)).ok()
    };
    Ok(match listed {
        Value::Array(items) => items.iter().filter_map(|item| read(item.as_str(), item)).collect(),
        Value::Object(by_language) => {
            by_language.iter().filter_map(|(language, value)| read(Some(language), value)).collect()
        }
        _ => Vec::new(),
    })
}

pub(crate) fn translations() -> Wire<Vec<Translation>> {
    Call::v2(Operation::ListTranslations, &[]).decode_with(read_translations)
}

pub(crate) fn set_translation(language: &Language, file: &File) -> Wire<()> {
    Call::v2(Operation::SetTranslation, &[language.as_str()])
        .form(&[Part::File("translation", file)])
        .decode_with(nothing)
}

pub(crate) fn delete_translation(language: &Language) -> Wire<()> {
    Call::v2(Operation::DeleteTranslation, &[language.as_str()]).decode_with(nothing)
}

pub(crate) fn recording_settings() -> Wire<RecordingSettings> {
    Call::v2(Operation::GetRecordingSettings, &[]).decode_with(json)
}

pub(crate) fn update_recording_settings(change: &SettingsChange) -> Wire<RecordingSettings> {
    Call::v2(Operation::UpdateRecordingSettings, &[])
        .json(&SettingsBody::from(change))
        .decode_with(|body| json_or(body, json, RecordingSettings::default))
}

pub(crate) fn encryption_keys(window: Window) -> Wire<Page<EncryptionKey>> {
    Call::v2(Operation::ListEncryptionKeys, &[])
        .offset_and_limit(window)
        .decode_with(page_named(window, &["keys", "encryption_keys"]))
}

pub(crate) fn create_encryption_key(public_key: &str) -> Wire<EncryptionKey> {
    Call::v2(Operation::CreateEncryptionKey, &[]).json(&KeyBody { public_key }).decode_with(json)
}

pub(crate) fn encryption_key(id: &EncryptionKeyId) -> Wire<EncryptionKey> {
    Call::v2(Operation::GetEncryptionKey, &[id.as_str()]).decode_with(json)
}

#[cfg(test)]
mod tests {
    use super::{backgrounds, read_translations};

    #[test]
    fn all_possible_shapes_of_translations_are_decoded() {
        for body in [
            r#"{"translations": [{"language": "it", "url": "https://h/it.json"}]}"#,
            r#"[{"language": "it"}]"#,
            r#"{"translations": {"it": {"url": "https://h/it.json"}}}"#,
            r#"{"it": "anything"}"#,
            r#"["it"]"#,
        ] {
            let read = read_translations(body.as_bytes()).unwrap();
            assert_eq!(read.iter().map(|one| one.language.as_str()).collect::<Vec<_>>(), ["it"], "{body}");
        }
        assert!(read_translations(b"7").unwrap().is_empty());
    }

    #[test]
    fn backgrounds_are_decoded_with_and_without_envelope() {
        for body in [
            r#"{"virtual_backgrounds": {"default_background": {"alias": "d"}, "backgrounds": [{"background_alias": "a"}]}}"#,
            r#"{"default_background": "d", "backgrounds": [{"alias": "a"}]}"#,
            r#"{"default_background": "d", "virtual_backgrounds": [{"alias": "a"}], "has_more": false}"#,
        ] {
            let read = (backgrounds().decoder)(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error:?}"));
            assert_eq!(read.default.unwrap().alias, "d");
            assert_eq!(read.items[0].alias, "a");
        }
    }
}
