//! The JSON file that `TELECONSULTATION_SERVICE_CONFIG_PATH` names. A file replaces the defaults as a whole.

use bandyer_client::rooms::Tools;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::env::Variables;
use crate::domain::privileges::{Privilege, Privileges};
use crate::identity::requester::{UserIdPath, UserIdStep};

const VARIABLE: &str = "TELECONSULTATION_SERVICE_CONFIG_PATH";
/// Largest file that is read, in bytes. Real ones have about 1 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// What the file settles.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) privileges: Privileges,
    pub(super) background_groups: Vec<String>,
    pub(super) user_id_path: Option<UserIdPath>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    privileges: PrivilegesEntry,
    #[serde(default)]
    groups_with_background_list: Vec<String>,
    user_id_path_in_request: Option<Vec<UserIdStep>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct PrivilegesEntry {
    basic: PrivilegeEntry,
    plus: PrivilegeEntry,
}

#[derive(Deserialize)]
struct PrivilegeEntry {
    groups: Vec<String>,
    tools: Option<Tools>,
}

impl From<PrivilegeEntry> for Privilege {
    fn from(entry: PrivilegeEntry) -> Self {
        Self { groups: entry.groups, tools: entry.tools }
    }
}

/// Keys of the predecessor's file that never had an effect. Old files hold them, so they pass without a word.
const NEVER_USED: [&str; 2] = ["environment", "mode"];

pub(super) fn read(path: &str, vars: &mut Variables<'_>) -> Settings {
    let text = match std::fs::metadata(path).and_then(|file| match file.len() {
        0..=MAX_BYTES => std::fs::read_to_string(path),
        _ => Err(std::io::Error::other("it is larger than 1 MiB")),
    }) {
        Ok(text) => text,
        Err(error) => {
            vars.problem(VARIABLE, &format!("names a file that cannot be read: {error}"));
            return Settings::default();
        }
    };
    parse(&text, vars)
}

fn parse(text: &str, vars: &mut Variables<'_>) -> Settings {
    let document: Document = match serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Ok(document) => document,
        Err(error) => {
            let path = error.path().to_string();
            vars.problem(VARIABLE, &format!("names a file that is wrong at `{path}`: {}", error.inner()));
            return Settings::default();
        }
    };
    for (name, groups) in [("basic", &document.privileges.basic.groups), ("plus", &document.privileges.plus.groups)] {
        if groups.is_empty() {
            vars.problem(VARIABLE, &format!("names a file whose `privileges.{name}.groups` is empty"));
        }
    }
    for key in document.rest.keys().filter(|key| !NEVER_USED.contains(&key.as_str())) {
        vars.warning(format!("the configuration file's `{}` has no effect in this version", key.escape_debug()));
    }
    let user_id_path = document.user_id_path_in_request.and_then(|steps| match UserIdPath::new(steps) {
        Ok(path) => Some(path),
        Err(reason) => {
            vars.problem(VARIABLE, &format!("names a file whose `userIdPathInRequest` {reason}"));
            None
        }
    });
    Settings {
        privileges: Privileges { basic: document.privileges.basic.into(), plus: document.privileges.plus.into() },
        background_groups: document.groups_with_background_list,
        user_id_path,
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, parse};
    use crate::config::env::Variables;

    fn read(text: &str) -> (Settings, Vec<String>, Vec<String>) {
        let mut vars = Variables::new(&|_| None);
        let settings = parse(text, &mut vars);
        let (warnings, problems) = vars.finish();
        (settings, warnings, problems.iter().map(ToString::to_string).collect())
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
            ("{}", "privileges"),
            (r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": "b"}}}"#, "plus"),
            (r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": []}}}"#, "privileges.plus.groups"),
        ] {
            let (_, _, problems) = read(text);
            assert!(problems.len() == 1 && problems[0].contains(place), "{text} {problems:?}");
        }
    }

    #[test]
    fn keys_without_effect_are_mentioned() {
        let (_, warnings, problems) =
            read(r#"{"privileges": {"basic": {"groups": ["a"]}, "plus": {"groups": ["b"]}}, "colour": 1}"#);
        assert!(problems.is_empty() && warnings.len() == 1 && warnings[0].contains("`colour`"), "{warnings:?}");
    }
}
