//! The JSON file that `TELECONSULTATION_SERVICE_CONFIG_PATH` names. A file replaces the defaults as a whole.

use bandyer_client::company::Palette;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::reader::Reader;
use crate::auth::user_id_path::UserIdPath;
use crate::branding::Branding;
use crate::branding::settings::{CompanyLogo, LogoUrl, ThemeColors, parse_color};
use crate::domain::privileges::{Privilege, Privileges};

mod document;
mod part;

pub use document::schema;

use document::{CustomUserIdSection, Document, PrivilegeSection, PrivilegesSection};
use part::Part;

const VARIABLE: &str = "TELECONSULTATION_SERVICE_CONFIG_PATH";
/// Largest file that is read, in bytes. Real ones have about 1 KiB.
const MAX_BYTES: u64 = 1024 * 1024;
/// The predecessor's fields of a users collection.
const DEFAULT_SOURCE_FIELD: &str = "_id";
const DEFAULT_TARGET_FIELD: &str = "authUserId";

/// The settings of the file.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub(super) privileges: Privileges,
    pub(super) background_groups: Vec<String>,
    pub(super) user_id_path: Option<UserIdPath>,
    pub(super) branding: Branding,
    pub(super) custom_user_id: CustomUserId,
}

/// Which field of a users collection holds the id that callers send, and which the identity provider's.
#[derive(Debug, Clone)]
pub(super) struct CustomUserId {
    pub(super) source: String,
    pub(super) target: String,
}

impl Default for CustomUserId {
    fn default() -> Self {
        CustomUserIdSection::default().into()
    }
}

impl From<CustomUserIdSection> for CustomUserId {
    fn from(section: CustomUserIdSection) -> Self {
        Self {
            source: section.source.unwrap_or_else(|| DEFAULT_SOURCE_FIELD.to_owned()),
            target: section.target.unwrap_or_else(|| DEFAULT_TARGET_FIELD.to_owned()),
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> FileSettings {
    let Some(path) = reader.text(VARIABLE) else { return FileSettings::default() };
    let text = match std::fs::metadata(&path).and_then(|file| match file.len() {
        0..=MAX_BYTES => std::fs::read_to_string(&path),
        _ => Err(std::io::Error::other("it is larger than 1 MiB")),
    }) {
        Ok(text) => text,
        Err(error) => {
            reader.problem(VARIABLE, &format!("names a file that cannot be read: {error}"));
            return FileSettings::default();
        }
    };
    parse(&path, &text, reader)
}

fn parse(path: &str, text: &str, reader: &mut Reader<'_>) -> FileSettings {
    let object = serde_json::from_str::<Map<String, Value>>(text);
    let document = match object.and_then(|object| serde_json::from_value::<Document>(object.into())) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("names a file that is no JSON object: {}", describe(&error));
            reader.file_problem(VARIABLE, path, "", &message);
            return FileSettings::default();
        }
    };
    let mut parts = PartReader { path, reader };
    let privileges = parts.privileges(document.privileges);
    let background_groups = parts.read("groupsWithBackgroundList", document.groups_with_background_list);
    let steps = parts.read("userIdPathInRequest", document.user_id_path_in_request);
    let user_id_path = steps.and_then(|steps| match UserIdPath::new(steps) {
        Ok(path) => Some(path),
        Err(reason) => {
            parts.problem("userIdPathInRequest", reason);
            None
        }
    });
    let theme = parts.read("theme", document.theme).unwrap_or_default();
    let branding = Branding {
        light: theme.light.and_then(|colors| parts.palette("light", &colors)),
        dark: theme.dark.and_then(|colors| parts.palette("dark", &colors)),
        logo: parts.logo(document.company_logo),
    };
    let custom_user_id = parts.read("customUserId", document.custom_user_id).unwrap_or_default();
    for key in document.unknown.keys() {
        reader.warning(format!("the configuration file's `{}` has no effect in this version", key.escape_debug()));
    }
    FileSettings {
        privileges: privileges.unwrap_or_default(),
        background_groups: background_groups.unwrap_or_default(),
        user_id_path,
        branding,
        custom_user_id: custom_user_id.into(),
    }
}

/// Reads the file part by part, so that a wrong one does not hide what is wrong with the next.
struct PartReader<'p, 'r, 'l> {
    path: &'p str,
    reader: &'r mut Reader<'l>,
}

impl PartReader<'_, '_, '_> {
    fn problem(&mut self, key: &str, reason: &str) {
        self.reader.file_problem(VARIABLE, self.path, key, &format!("names a file whose `{key}` {reason}"));
    }

    /// `None` for a part that is absent or wrong.
    fn read<T: DeserializeOwned>(&mut self, key: &str, part: impl Into<Option<Part<T>>>) -> Option<T> {
        let error = match part.into()?.parse() {
            Ok(part) => return part,
            Err(error) => error,
        };
        let separator = if error.place.is_empty() || error.place.starts_with('[') { "" } else { "." };
        let place = format!("{key}{separator}{}", error.place);
        self.problem(&place, &format!("is wrong: {}", describe(&error.error)));
        None
    }

    fn privileges(&mut self, part: Part<PrivilegesSection>) -> Option<Privileges> {
        const KEY: &str = "privileges";
        if part.is_no_object() {
            self.problem(KEY, "must be an object with `basic` and `plus`");
            return None;
        }
        let PrivilegesSection { basic, plus } = self.read(KEY, part).unwrap_or_default();
        let (basic, plus) = (self.privilege("privileges.basic", basic), self.privilege("privileges.plus", plus));
        Some(Privileges { basic: basic?, plus: plus? })
    }

    fn privilege(&mut self, key: &str, part: Part<PrivilegeSection>) -> Option<Privilege> {
        if part.is_absent() {
            self.problem(key, "is missing; it must be an object with `groups`");
            return None;
        }
        let section = self.read(key, part)?;
        if section.groups.is_empty() {
            self.problem(&format!("{key}.groups"), "is empty; it must name at least one group");
        }
        Some(section.into())
    }

    /// Colours of one mode. A single colour is left out with a warning, because the vendor takes both or none.
    fn palette(&mut self, mode: &str, colors: &ThemeColors) -> Option<Palette> {
        let mut color = |field: &str, text: Option<&str>| {
            let color = parse_color(text?);
            if color.is_none() {
                let key = format!("theme.{mode}.{field}");
                self.problem(&key, "must be a colour of # and three or six hex digits");
            }
            color
        };
        let primary = color("primaryColor", colors.primary_color.as_deref());
        let accent = color("accentColor", colors.accent_color.as_deref());
        if colors.primary_color.is_some() != colors.accent_color.is_some() {
            let warning = format!("the configuration file's `theme.{mode}` has one colour of two and is not sent");
            self.reader.warning(warning);
        }
        Some(Palette::new(primary?, accent?))
    }

    fn logo(&mut self, part: Option<Part<CompanyLogo>>) -> Option<Url> {
        match self.read("companyLogo", part)?.parse() {
            Some(LogoUrl::Usable(url)) => return Some(url),
            Some(LogoUrl::Placeholder) => {}
            Some(LogoUrl::Insecure) => self
                .reader
                .warning("the configuration file's `companyLogo.url` is not https and is not read".to_owned()),
            None => self.problem("companyLogo.url", "must be an https URL"),
        }
        None
    }
}

/// The parser's message without the value, which may be a secret in the wrong place.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((start, expected)) if start.starts_with("invalid ") || start.starts_with("unknown ") => {
            format!("expected {expected}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::{FileSettings, parse};
    use crate::config::reader::Reader;

    fn read(text: &str) -> (FileSettings, Vec<String>, Vec<String>) {
        let mut reader = Reader::new(&|_| None);
        let settings = parse("/etc/config.json", text, &mut reader);
        let (warnings, problems) = reader.found();
        (settings, warnings, problems)
    }

    #[test]
    fn an_old_file_is_taken_as_it_is() {
        let (settings, warnings, problems) = read(
            r#"{"environment": "sandbox", "mode": "window",
                "privileges": {"basic": {"groups": ["customer"], "tools": {"chat": true}},
                               "plus": {"groups": ["doctor", "nurse"]}},
                "groupsWithBackgroundList": ["doctor"]}"#,
        );
        assert!(warnings.is_empty() && problems.is_empty(), "{warnings:?} {problems:?}");
        assert_eq!(settings.privileges.basic.groups, ["customer"]);
        let tools = settings.privileges.basic.tools.unwrap();
        assert!(tools.chat && !tools.file_upload);
        assert!(settings.privileges.plus.tools.is_none());
        assert_eq!(settings.background_groups, ["doctor"]);
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place() {
        for (text, place) in [
            ("{", ""),
            ("[]", "no JSON object"),
            (r#""a secret in the wrong file""#, "no JSON object: expected a map"),
            (r#"{"privileges": []}"#, "`privileges`"),
            (r#"{"privileges": {"basic": {"groups": ["a"]}}}"#, "`privileges.plus`"),
            (r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": "b"}}}"#, "plus"),
            (r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": []}}}"#, "privileges.plus.groups"),
        ] {
            let (_, _, problems) = read(text);
            assert!(problems.len() == 1 && problems[0].contains(place), "{text} {problems:?}");
        }
    }

    #[test]
    fn every_wrong_part_is_reported_by_place_without_its_value() {
        let (_, _, problems) = read(
            r##"{"privileges": {"basic": {"groups": ["a"], "tools": {"chat": "canary"}}, "plus": {"groups": [7]}},
                "groupsWithBackgroundList": ["a", 5], "userIdPathInRequest": [{"from": "canary", "extract": "x"}],
                "theme": {"light": {"primaryColor": "#fff", "accentColor": "canary"}, "dark": 5},
                "companyLogo": {"url": "canary"}}"##,
        );
        let places = [
            "`privileges.basic.tools.chat`",
            "`privileges.plus.groups[0]`",
            "`groupsWithBackgroundList[1]`",
            "`userIdPathInRequest[0].from` is wrong: expected one of `object`, `json`, `array`",
            "`theme.dark`",
            "`companyLogo.url`",
        ];
        for place in places {
            assert_eq!(problems.iter().filter(|line| line.contains(place)).count(), 1, "{place} {problems:#?}");
        }
        assert_eq!(problems.len(), places.len(), "{problems:#?}");
        assert!(!problems.iter().any(|line| line.contains("canary")), "{problems:#?}");
    }

    #[test]
    fn colours_and_logo_are_read_and_the_placeholder_is_not() {
        let with = |theme: &str, url: &str| {
            read(&format!(
                r#"{{"privileges": {{"basic": {{"groups": ["a"]}}, "plus": {{"groups": ["b"]}}}},
                    "theme": {theme}, "companyLogo": {{"url": "{url}"}}}}"#
            ))
        };
        let theme =
            r##"{"light": {"primaryColor": "#fff", "accentColor": "#480ca8"}, "dark": {"accentColor": "#d62828"}}"##;
        let (settings, warnings, problems) = with(theme, "https://me.example/logo.png");
        assert!(problems.is_empty() && warnings.len() == 1 && warnings[0].contains("theme.dark"), "{warnings:?}");
        let light = settings.branding.light.unwrap();
        assert_eq!((light.primary.as_str(), light.accent.as_str()), ("#ffffff", "#480ca8"));
        assert!(settings.branding.dark.is_none());
        assert_eq!(settings.branding.logo.unwrap().as_str(), "https://me.example/logo.png");
        let (settings, warnings, _) = with("null", "https://www.insert.url.it");
        assert!(settings.branding.logo.is_none() && warnings.is_empty());
        let (settings, warnings, _) = with("null", "http://me.example/logo.png");
        assert!(settings.branding.logo.is_none() && warnings.len() == 1);
    }

    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../config.schema.json");
        let current = format!("{:#}\n", super::schema());
        assert_eq!(
            committed, current,
            "renew it: cargo run -p teleconsult-server -- config-schema > teleconsult-server/config.schema.json"
        );
    }

    #[test]
    fn the_schema_names_the_tools_and_the_steps_that_are_read() {
        let schema = super::schema();
        let tools = &schema["$defs"]["Privilege"]["properties"]["tools"]["properties"];
        let read: bandyer_client::rooms::Tools = serde_json::from_value(
            tools.as_object().unwrap().keys().map(|name| (name.clone(), true.into())).collect::<Map<_, _>>().into(),
        )
        .unwrap();
        assert_eq!(read, bandyer_client::rooms::Tools::all());
        let step = schema["$defs"]["StepSource"].to_string();
        for from in ["object", "json", "array"] {
            assert!(step.contains(from), "{step}");
        }
    }

    #[test]
    fn a_wrong_part_does_not_hide_what_is_wrong_elsewhere() {
        let (_, _, problems) =
            read(r#"{"privileges": 5, "groupsWithBackgroundList": 5, "customUserId": {"source": 5}}"#);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[2].contains("`customUserId.source` is wrong: expected a string"), "{problems:?}");
    }

    #[test]
    fn null_counts_as_absent() {
        let (settings, warnings, problems) = read(
            r#"{"privileges": {"basic": {"groups": ["a"], "tools": null}, "plus": {"groups": ["b"]}}, "mode": null,
                "groupsWithBackgroundList": null, "userIdPathInRequest": null, "theme": null, "companyLogo": null,
                "customUserId": null}"#,
        );
        assert!(warnings.is_empty() && problems.is_empty(), "{warnings:?} {problems:?}");
        assert_eq!((settings.custom_user_id.source.as_str(), settings.user_id_path), ("_id", None));
    }

    #[test]
    fn keys_without_effect_are_mentioned() {
        let (_, warnings, problems) =
            read(r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": ["b"]}}, "colour": 1}"#);
        assert!(problems.is_empty() && warnings.len() == 1 && warnings[0].contains("`colour`"), "{warnings:?}");
    }
}
