use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::company::{
    Background, Backgrounds, CompanyChange, CompanyProfile, EncryptionKey, LogoTheme, Logos, RecordingSettings,
    SettingsChange, Theme, ThemeChange, Translation,
};
use crate::model::file::File;
use crate::model::ids::{BackgroundAlias, EncryptionKeyId};
use crate::model::page::Page;
use crate::users::Language;
use crate::wire::multipart::Part;
use crate::wire::v1::company::{
    AliasBody, BackgroundRecord, ChangeBody, KeyBody, KeyRecord, LogosRecord, Record, SettingsBody, SettingsRecord,
    ThemeBody, ThemeRecord, key, logo_parts, settings, some_background,
};
use crate::wire::{Call, DecodeFailure, Window, Wire, json, json_as, json_or, lenient, nothing, page_of};

pub(crate) fn get() -> Wire<CompanyProfile> {
    Call::get(&["company"]).answered_by(json_as::<Record, _>)
}

pub(crate) fn update(change: &CompanyChange) -> Wire<CompanyProfile> {
    Call::put(&["company"])
        .json(&ChangeBody::from(change))
        .answered_by(|body| json_or(body, json_as::<Record, _>, || Record::default().into()))
}

pub(crate) fn theme() -> Wire<Theme> {
    Call::get(&["company", "theme"]).answered_by(json_as::<ThemeRecord, _>)
}

pub(crate) fn update_theme(change: &ThemeChange) -> Wire<Theme> {
    Call::put(&["company", "theme"])
        .json(&ThemeBody::from(change))
        .answered_by(|body| json_or(body, json_as::<ThemeRecord, _>, || ThemeRecord::default().into()))
}

/// What it answers is not documented, so an answer without addresses is one too.
pub(crate) fn set_logo(picture: &File, theme: Option<&LogoTheme>) -> Wire<Logos> {
    Call::put(&["company", "theme", "logo"])
        .form(&logo_parts(picture, theme))
        .answered_by(|body| Ok(json::<LogosRecord>(body).unwrap_or_default().into()))
}

/// Backgrounds come under the name of v1, with or without its envelope.
pub(crate) fn backgrounds() -> Wire<Backgrounds> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default, deserialize_with = "some_background")]
        default_background: Option<Background>,
        #[serde(alias = "virtual_backgrounds")]
        backgrounds: Vec<BackgroundRecord>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Enveloped { virtual_backgrounds: Listed },
        Bare(Listed),
    }
    Call::get(&["company", "virtual-backgrounds"]).answered_by(|body| {
        let listed = match json(body)? {
            Answer::Enveloped { virtual_backgrounds } => virtual_backgrounds,
            Answer::Bare(listed) => listed,
        };
        let items = listed.backgrounds.into_iter().map(Background::from).collect();
        Ok(Backgrounds { default: listed.default_background, items })
    })
}

fn background(body: &[u8]) -> Result<Background, DecodeFailure> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Enveloped { virtual_background: BackgroundRecord },
        Bare(BackgroundRecord),
    }
    Ok(match json(body)? {
        Answer::Enveloped { virtual_background } => virtual_background.into(),
        Answer::Bare(record) => record.into(),
    })
}

pub(crate) fn add_background(picture: &File) -> Wire<Background> {
    Call::post(&["company", "virtual-background"])
        .form(&[Part::File("virtual_background", picture)])
        .answered_by(background)
}

pub(crate) fn delete_background(alias: &BackgroundAlias) -> Wire<()> {
    Call::delete(&["company", "virtual-background"]).json(&AliasBody { background_alias: alias }).answered_by(nothing)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TranslationRecord {
    language: Option<Language>,
    #[serde(deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

/// Nobody shows this answer: an array of objects with a language and an object by language are both read, under the name
/// `translations` or bare. What is something else says no language.
fn read_translations(body: &[u8]) -> Result<Vec<Translation>, DecodeFailure> {
    let answer: Value = json(body)?;
    let listed = answer.get("translations").unwrap_or(&answer);
    let read = |language: Option<&str>, value: &Value| {
        let record = TranslationRecord::deserialize(value).unwrap_or_default();
        let language = language.map(Language::from).or(record.language)?;
        Some(Translation { language, url: record.url, created_at: record.creation_date })
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
    Call::get(&["company", "translations"]).answered_by(read_translations)
}

pub(crate) fn set_translation(language: &Language, file: &File) -> Wire<()> {
    Call::put(&["company", "translations", language.as_str()])
        .form(&[Part::File("translation", file)])
        .answered_by(nothing)
}

pub(crate) fn delete_translation(language: &Language) -> Wire<()> {
    Call::delete(&["company", "translations", language.as_str()]).answered_by(nothing)
}

pub(crate) fn recording_settings() -> Wire<RecordingSettings> {
    Call::get(&["company", "recording-settings"]).answered_by(settings)
}

pub(crate) fn update_recording_settings(change: &SettingsChange) -> Wire<RecordingSettings> {
    Call::put(&["company", "recording-settings"])
        .json(&SettingsBody::from(change))
        .answered_by(|body| json_or(body, settings, || SettingsRecord::default().into()))
}

pub(crate) fn encryption_keys(window: Window) -> Wire<Page<EncryptionKey>> {
    Call::get(&["company", "encryption-keys"])
        .offset_and_limit(window)
        .answered_by(page_of!(window, keys or "encryption_keys": KeyRecord))
}

pub(crate) fn create_encryption_key(public_key: &str) -> Wire<EncryptionKey> {
    Call::post(&["company", "encryption-keys"]).json(&KeyBody { public_key }).answered_by(key)
}

pub(crate) fn encryption_key(id: &EncryptionKeyId) -> Wire<EncryptionKey> {
    Call::get(&["company", "encryption-keys", id.as_str()]).answered_by(key)
}

#[cfg(test)]
mod tests {
    use super::{backgrounds, read_translations};

    #[test]
    fn translations_are_read_in_all_the_shapes_they_may_have() {
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
    fn backgrounds_are_read_with_and_without_their_envelope() {
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
