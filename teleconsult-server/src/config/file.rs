//! The JSON file that `TELECONSULTATION_SERVICE_CONFIG_PATH` names. A file replaces the defaults as a whole.

use bandyer_client::company::{Color, Palette};
use bandyer_client::rooms::Tools;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::reader::Reader;
use crate::auth::user_id_path::{UserIdPath, UserIdStep};
use crate::branding::Branding;
use crate::domain::privileges::{Privilege, Privileges};

const VARIABLE: &str = "TELECONSULTATION_SERVICE_CONFIG_PATH";
/// Largest file that is read, in bytes. Real ones have about 1 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// What the file settles.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) privileges: Privileges,
    pub(super) background_groups: Vec<String>,
    pub(super) user_id_path: Option<UserIdPath>,
    pub(super) branding: Branding,
    pub(super) custom_user_id: CustomUserId,
}

/// Which field of a users collection holds the id that callers send, and which the identity provider's.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct CustomUserId {
    pub(super) source: String,
    pub(super) target: String,
}

impl Default for CustomUserId {
    fn default() -> Self {
        Self { source: "_id".to_owned(), target: "authUserId".to_owned() }
    }
}

/// The configuration file of the teleconsultation service. It replaces the defaults as a whole.
#[derive(JsonSchema)]
#[schemars(rename = "teleconsult-server configuration", rename_all = "camelCase")]
#[expect(dead_code, reason = "its parts are read one by one, so that every problem is found")]
struct Document {
    /// Which groups make a person a basic or a plus user, and what each may use in a room.
    privileges: PrivilegesEntry,
    /// Groups whose members get a background picture without asking.
    #[schemars(default)]
    groups_with_background_list: Vec<String>,
    /// The way from the request to the caller's id; without it, the header that `USERID_HEADER_KEY` names.
    #[schemars(length(min = 1))]
    user_id_path_in_request: Option<Vec<StepEntry>>,
    /// Colours of the call page.
    theme: Option<ThemeEntry>,
    /// The company's picture on the call page.
    company_logo: Option<LogoEntry>,
    /// Which field of a user is matched, and which one holds the identity provider's id.
    custom_user_id: Option<CustomUserIdEntry>,
    /// Never had an effect; old files hold it.
    environment: Option<String>,
    /// Never had an effect; old files hold it.
    mode: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "its parts are read one by one")]
struct PrivilegesEntry {
    /// For those who may only join, such as patients.
    basic: PrivilegeEntry,
    /// For those who lead, such as doctors; each room needs one.
    plus: PrivilegeEntry,
}

#[derive(Deserialize, JsonSchema)]
struct PrivilegeEntry {
    /// Groups whose members have the role.
    #[schemars(length(min = 1))]
    groups: Vec<String>,
    /// What they may use; all of it when absent, and what is not named is off.
    #[schemars(with = "Option<ToolsEntry>")]
    tools: Option<Tools>,
}

impl From<PrivilegeEntry> for Privilege {
    fn from(entry: PrivilegeEntry) -> Self {
        Self { groups: entry.groups, tools: entry.tools }
    }
}

/// The SDK's tools, which know nothing of schemas.
#[derive(JsonSchema)]
#[schemars(default)]
#[derive(Default, Serialize)]
struct ToolsEntry {
    chat: bool,
    screen_sharing: bool,
    file_upload: bool,
    whiteboard: bool,
    snapshot: bool,
    live_edit: bool,
    live_pointer: bool,
    present_to_everyone: bool,
}

/// One step of the way to the caller's id.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct StepEntry {
    /// How the current value is read.
    from: StepSource,
    /// The property or the index that is taken.
    extract: StepKey,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum StepSource {
    /// A property of an object.
    Object,
    /// A property of the object that a text holds as JSON.
    Json,
    /// An element of an array.
    Array,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum StepKey {
    Index(u32),
    Name(String),
}

#[derive(Deserialize, JsonSchema)]
struct ThemeEntry {
    light: Option<ColoursEntry>,
    dark: Option<ColoursEntry>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ColoursEntry {
    #[schemars(regex(pattern = COLOUR))]
    primary_color: Option<String>,
    #[schemars(regex(pattern = COLOUR))]
    accent_color: Option<String>,
}

/// Three or six hex digits.
const COLOUR: &str = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$";

#[derive(Deserialize, JsonSchema)]
struct LogoEntry {
    /// Where the picture is.
    #[schemars(url)]
    url: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct CustomUserIdEntry {
    /// The field that equals the received id; `_id` unless set.
    source: Option<String>,
    /// The field that holds the identity provider's id; `authUserId` unless set.
    target: Option<String>,
}

/// The JSON Schema of the file, for editors and pipelines.
#[must_use]
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<Document>()
        .to_value()
}

/// Keys of the predecessor's file that never had an effect. Old files hold them, so they pass without a word.
const NEVER_USED: [&str; 2] = ["environment", "mode"];

pub(super) fn read(reader: &mut Reader<'_>) -> Settings {
    let Some(path) = reader.text(VARIABLE) else { return Settings::default() };
    let text = match std::fs::metadata(&path).and_then(|file| match file.len() {
        0..=MAX_BYTES => std::fs::read_to_string(&path),
        _ => Err(std::io::Error::other("it is larger than 1 MiB")),
    }) {
        Ok(text) => text,
        Err(error) => {
            reader.problem(VARIABLE, &format!("names a file that cannot be read: {error}"));
            return Settings::default();
        }
    };
    parse(&path, &text, reader)
}

fn parse(path: &str, text: &str, reader: &mut Reader<'_>) -> Settings {
    let mut document: Map<String, Value> = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            reader.file_problem(
                VARIABLE,
                path,
                "",
                &format!("names a file that is no JSON object: {}", kind_of(&error)),
            );
            return Settings::default();
        }
    };
    let mut parts = Parts { path, reader };
    let mut privileges = match document.remove("privileges") {
        Some(Value::Object(privileges)) => privileges,
        Some(_) => {
            parts.problem("privileges", "must be an object with `basic` and `plus`");
            return Settings::default();
        }
        None => Map::new(),
    };
    let [basic, plus] = ["basic", "plus"].map(|name| parts.privilege(name, privileges.remove(name)));
    let background_groups = parts.read("groupsWithBackgroundList", document.remove("groupsWithBackgroundList"));
    let steps: Option<Vec<UserIdStep>> = parts.read("userIdPathInRequest", document.remove("userIdPathInRequest"));
    let user_id_path = steps.and_then(|steps| match UserIdPath::new(steps) {
        Ok(path) => Some(path),
        Err(reason) => {
            parts.problem("userIdPathInRequest", reason);
            None
        }
    });
    let branding = parts.branding(document.remove("theme"), document.remove("companyLogo"));
    let custom_user_id = parts.read("customUserId", document.remove("customUserId")).unwrap_or_default();
    for key in document.keys().filter(|key| !NEVER_USED.contains(&key.as_str())) {
        reader.warning(format!("the configuration file's `{}` has no effect in this version", key.escape_debug()));
    }
    let (Some(basic), Some(plus)) = (basic, plus) else { return Settings::default() };
    let background_groups = background_groups.unwrap_or_default();
    Settings { privileges: Privileges { basic, plus }, background_groups, user_id_path, branding, custom_user_id }
}

/// Reads the file part by part, so that a wrong one does not hide what is wrong with the next.
struct Parts<'p, 'v, 'l> {
    path: &'p str,
    reader: &'v mut Reader<'l>,
}

impl Parts<'_, '_, '_> {
    fn problem(&mut self, key: &str, reason: &str) {
        self.reader.file_problem(VARIABLE, self.path, key, &format!("names a file whose `{key}` {reason}"));
    }

    /// A part that may be absent; null counts as absent.
    fn read<T: DeserializeOwned>(&mut self, key: &str, value: Option<Value>) -> Option<T> {
        match serde_path_to_error::deserialize(value.filter(|value| !value.is_null())?) {
            Ok(part) => Some(part),
            Err(error) => {
                let inner = error.path().to_string();
                let place = match inner.as_str() {
                    "." => key.to_owned(),
                    index if index.starts_with('[') => format!("{key}{index}"),
                    field => format!("{key}.{field}"),
                };
                self.problem(&place, &format!("is wrong: {}", kind_of(error.inner())));
                None
            }
        }
    }

    fn privilege(&mut self, name: &str, value: Option<Value>) -> Option<Privilege> {
        let key = format!("privileges.{name}");
        if value.as_ref().is_none_or(Value::is_null) {
            self.problem(&key, "is missing; it must be an object with `groups`");
            return None;
        }
        let entry: PrivilegeEntry = self.read(&key, value)?;
        if entry.groups.is_empty() {
            self.problem(&format!("{key}.groups"), "is empty; it must name at least one group");
        }
        Some(entry.into())
    }

    /// How the company looks. What the vendor could not take is mentioned and left out; what is no colour and no address is
    /// a mistake.
    fn branding(&mut self, theme: Option<Value>, logo: Option<Value>) -> Branding {
        let theme: Option<ThemeEntry> = self.read("theme", theme);
        let (light, dark) = theme.map(|theme| (theme.light, theme.dark)).unwrap_or_default();
        let [light, dark] = [("light", light), ("dark", dark)].map(|(name, colours)| self.palette(name, colours?));
        let logo: Option<LogoEntry> = self.read("companyLogo", logo);
        Branding { light, dark, logo: logo.and_then(|logo| self.logo(&logo.url)) }
    }

    fn palette(&mut self, mode: &str, colours: ColoursEntry) -> Option<Palette> {
        let mut colour = |field: &str, text: Option<String>| {
            let text = text?;
            let colour = six_digits(&text).parse::<Color>().ok();
            if colour.is_none() {
                let key = format!("theme.{mode}.{field}");
                self.problem(&key, "must be a colour of # and three or six hex digits");
            }
            colour
        };
        let given = (colours.primary_color.is_some(), colours.accent_color.is_some());
        let primary = colour("primaryColor", colours.primary_color);
        let accent = colour("accentColor", colours.accent_color);
        if given.0 != given.1 {
            self.reader
                .warning(format!("the configuration file's `theme.{mode}` has one colour of two and is not sent"));
        }
        Some(Palette::new(primary?, accent?))
    }

    fn logo(&mut self, text: &str) -> Option<Url> {
        let Some(url) = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme())) else {
            self.problem("companyLogo.url", "must be an https URL");
            return None;
        };
        if url.host_str() == Some(PLACEHOLDER_HOST) {
            return None;
        }
        if !crate::domain::link::is_safe(text) {
            self.reader.warning("the configuration file's `companyLogo.url` is not https and is not read".to_owned());
            return None;
        }
        Some(url)
    }
}

/// The predecessor's default for the logo, which old files hold. There is nothing behind it.
const PLACEHOLDER_HOST: &str = "www.insert.url.it";

/// The vendor wants six digits; the predecessor's own default has three.
fn six_digits(text: &str) -> String {
    match text.strip_prefix('#') {
        Some(digits) if digits.chars().count() == 3 => {
            digits.chars().fold("#".to_owned(), |text, digit| format!("{text}{digit}{digit}"))
        }
        _ => text.to_owned(),
    }
}

/// The parser's words without the value, which may stand in the wrong place.
fn kind_of(error: &serde_json::Error) -> String {
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
    use super::{Settings, parse};
    use crate::config::reader::Reader;

    fn read(text: &str) -> (Settings, Vec<String>, Vec<String>) {
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
    fn every_wrong_part_is_told_with_its_place_and_without_its_value() {
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
    fn the_schema_knows_the_tools_and_the_steps_that_are_read() {
        let known = serde_json::to_value(super::ToolsEntry::default()).unwrap();
        let tools: bandyer_client::rooms::Tools = serde_json::from_value(known.clone()).unwrap();
        assert_eq!(serde_json::to_value(tools).unwrap(), known);
        let step = super::schema()["$defs"]["StepSource"].to_string();
        for from in ["object", "json", "array"] {
            assert!(step.contains(from), "{step}");
            assert!(
                serde_json::from_value::<super::UserIdStep>(serde_json::json!({"from": from, "extract": "x"})).is_ok()
            );
        }
    }

    #[test]
    fn keys_without_effect_are_mentioned() {
        let (_, warnings, problems) =
            read(r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": ["b"]}}, "colour": 1}"#);
        assert!(problems.is_empty() && warnings.len() == 1 && warnings[0].contains("`colour`"), "{warnings:?}");
    }
}
