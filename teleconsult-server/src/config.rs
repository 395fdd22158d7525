//! The server's settings, from environment variables and one JSON file.
//!
//! Reading binds and connects nothing and builds no services; what is built to check a setting is dropped. All problems
//! are collected, each with the name of its variable and without its value, which may be a secret.

use std::cell::RefCell;
use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::api::state::EndpointSettings;
use crate::auth::IdentitySettings;
use crate::branding::Branding;
use crate::domain::teleconsultation::Rules;
use crate::rooms::RoomSettings;
use crate::vendor::VendorSettings;

mod api;
mod database;
mod file;
mod http;
mod identity;
mod platform;
mod problem;
mod reader;
mod retention;
mod rooms;
mod rules;
mod telemetry;
mod vendor;

pub use database::Database;
pub use file::schema as file_schema;
pub use http::HttpSettings;
pub use platform::PlatformSettings;
pub use problem::{Problem, Problems, Source};
pub use telemetry::TelemetrySettings;

use reader::Reader;

/// All settings of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the vendor is reached.
    pub vendor: VendorSettings,
    /// Where the journal is, and the records unless the CRUD Service keeps them.
    pub database: Database,
    /// How long after their end teleconsultations are kept; `None`: for ever.
    pub retention: Option<SignedDuration>,
    /// The business rules.
    pub rules: Rules,
    /// What rooms are made of, and the background work that keeps them in order.
    pub rooms: RoomSettings,
    /// How callers are identified.
    pub identity: IdentitySettings,
    /// The platform's services.
    pub platform: PlatformSettings,
    /// Colours and logo of the company.
    pub branding: Branding,
    /// What single endpoints may do.
    pub api: EndpointSettings,
    /// Where and how connections are served.
    pub http: HttpSettings,
    /// What operators see.
    pub telemetry: TelemetrySettings,
    /// What looks like a mistake but does not prevent the start.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// [`Problems`], all of them.
    pub fn from_env() -> Result<Self, Problems> {
        let read = RefCell::new(BTreeSet::new());
        let mut config = Self::from_lookup(&|name| {
            read.borrow_mut().insert(name.to_owned());
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
            std::env::var(name).ok()
        })?;
        let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        config.warnings.extend(unknown_variables(set, &read.into_inner()));
        Ok(config)
    }

    /// Reads variables through a function, so that tests need no environment.
    ///
    /// # Errors
    ///
    /// [`Problems`], all of them.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut reader = Reader::new(lookup);
        let file = file::read(&mut reader);
        let (vendor, generation) = vendor::read(&mut reader).unzip();
        let rules = rules::read(&mut reader, file.privileges);
        let identity = identity::read(&mut reader, file.user_id_path);
        let platform = platform::read(&mut reader, &identity.user_id_header, file.custom_user_id);
        let api = api::read(&mut reader, file.background_groups);
        let http = http::read(&mut reader);
        let database = database::read(&mut reader);
        let retention = retention::read(&mut reader, platform.crud.is_none());
        let place = rooms::records_place(&platform, &database);
        let rooms = rooms::read(&mut reader, &rules, generation, place);
        rooms::check_lease(&mut reader, &rooms, http.requests.timeout);
        let telemetry = telemetry::read(&mut reader);
        let Some(vendor) = vendor else { return Err(reader.into_problems()) };
        let warnings = reader.finish()?;
        let branding = file.branding;
        Ok(Self {
            vendor,
            database,
            retention,
            rules,
            rooms,
            identity,
            platform,
            branding,
            api,
            http,
            telemetry,
            warnings,
        })
    }
}

/// Least likeness at which a name is taken for a misspelling of another one; 1 is equality.
const LIKENESS: f64 = 0.8;

/// One warning for each variable that looks like one of ours and is not read.
fn unknown_variables(set: impl Iterator<Item = String>, read: &BTreeSet<String>) -> Vec<String> {
    let is_ours = |name: &String| name.starts_with("TELECONSULT_") && !name.starts_with("TELECONSULT_TEST_");
    // Only builds for tests read it.
    let is_unknown = |name: &String| is_ours(name) && !read.contains(name) && name != "TELECONSULT_CRASH_POINTS";
    let warning = |name: String| {
        let likeness = |known: &&String| strsim::normalized_levenshtein(&name, known);
        let nearest = read.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        match nearest.filter(|known| likeness(known) >= LIKENESS) {
            Some(known) => format!("{name} is not a setting; {known} is"),
            None => format!("{name} is not a setting"),
        }
    };
    set.filter(is_unknown).map(warning).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Config, Database};
    use crate::domain::privileges::Privileges;
    use crate::telemetry::logs::Level;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(&lookup).map_err(|problems| problems.0.iter().map(ToString::to_string).collect())
    }

    const KEY: (&str, &str) = ("BANDYER_API_SECRET_KEY", "ak_test_canary");
    const URL: (&str, &str) = ("BANDYER_BASE_URL", "https://api.sandbox.eu.bandyer.com");

    #[test]
    fn two_variables_are_enough_and_the_rest_has_documented_defaults() {
        let config = with(&[KEY, URL]).unwrap();
        assert!(config.rules.unlimited && config.rooms.live);
        assert_eq!(config.rules.immutable_period.as_millis(), 0);
        assert_eq!((config.http.port, config.http.prefix.as_str()), (3000, ""));
        assert_eq!(config.http.wait_before_close, Duration::from_secs(10));
        assert_eq!(config.identity.user_id_header, "miauserid");
        assert!(matches!(&config.database, Database::Folder(folder) if folder.to_str() == Some("./data")));
        assert_eq!((config.rooms.recording.as_str(), config.rooms.transcribed), ("none", false));
        assert_eq!((config.api.transcription_max_bytes, config.api.delete_uploads), (50 * 1024 * 1024, false));
        assert_eq!((config.telemetry.expose_metrics, config.telemetry.log_level), (true, Level::parse("info")));
        assert_eq!((&config.rules.privileges, config.api.background_groups.len()), (&Privileges::default(), 0));
        let platform = &config.platform;
        assert!(platform.crud.is_none() && platform.auth.is_none() && platform.custom_ids.is_none());
        assert!(!platform.client_metrics && config.identity.user_id_path.is_none());
        let forwarded: Vec<&str> = platform.forwarding.names.iter().map(|name| name.as_str()).collect();
        let always = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];
        assert_eq!(
            forwarded,
            [&["client-type", "miausergroups", "miauserid", "miauserproperties"][..], &always].concat()
        );
        assert_eq!(platform.forwarding.backoffice, "isbackoffice");
        assert!(config.identity.proxies.is_none() && config.identity.trusts_peer([192, 0, 2, 1].into()));
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
        assert!(config.warnings[0].starts_with("TELECONSULT_IDENTITY_PROXIES is not set"));
    }

    #[test]
    fn a_variable_that_is_not_read_is_warned_of_with_the_nearest_one() {
        let read = ["TELECONSULT_LEASE_SECONDS", "TELECONSULT_BIND_ADDRESS", "HTTP_PORT"].map(str::to_owned).into();
        let warnings = |names: &[&str]| super::unknown_variables(names.iter().map(ToString::to_string), &read);
        assert_eq!(
            warnings(&["TELECONSULT_LEASE_SECS", "TELECONSULT_LEASE_SECONDS", "TELECONSULT_XYZ", "HTTP_PROT", "PATH"]),
            [
                "TELECONSULT_LEASE_SECS is not a setting; TELECONSULT_LEASE_SECONDS is",
                "TELECONSULT_XYZ is not a setting"
            ]
        );
        assert!(warnings(&["TELECONSULT_CRASH_POINTS", "TELECONSULT_TEST_OUTPUT"]).is_empty());
    }

    #[test]
    fn every_documented_variable_is_read_whatever_else_is_set() {
        let read = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            [KEY, URL].into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        Config::from_lookup(&lookup).unwrap();
        let readme = include_str!("../../README.md");
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| `TELECONSULT_")?.split('`').next());
        let documented: Vec<String> = rows.map(|rest| format!("TELECONSULT_{rest}")).collect();
        assert!(documented.len() > 10, "{documented:?}");
        assert!(super::unknown_variables(documented.into_iter(), &read.into_inner()).is_empty());
    }

    #[test]
    fn only_named_proxies_are_trusted_without_a_warning() {
        let config = with(&[KEY, URL, ("TELECONSULT_IDENTITY_PROXIES", "10.0.0.0/8, 192.0.2.7")]).unwrap();
        for (peer, trusted) in
            [("10.9.9.9", true), ("192.0.2.7", true), ("::ffff:10.0.0.1", true), ("192.0.2.8", false)]
        {
            assert_eq!(config.identity.trusts_peer(peer.parse().unwrap()), trusted, "{peer}");
        }
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        for wrong in ["gateway", "10.0.0.0/33", ","] {
            let problems = with(&[KEY, URL, ("TELECONSULT_IDENTITY_PROXIES", wrong)]).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with("TELECONSULT_IDENTITY_PROXIES must be a list"));
        }
    }

    #[test]
    fn an_empty_list_of_proxies_does_not_mean_that_every_peer_is_trusted() {
        let problems = with(&[KEY, URL, ("TELECONSULT_IDENTITY_PROXIES", "")]).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].starts_with("TELECONSULT_IDENTITY_PROXIES is empty"),
            "{problems:?}"
        );
    }

    #[test]
    fn the_line_break_at_the_end_of_a_secret_is_no_part_of_it_and_quotes_are_warned_of() {
        let with_key = |key| with(&[("BANDYER_API_SECRET_KEY", key), URL]).unwrap();
        for key in ["ak_test_canary\n", "ak_test_canary\r\n"] {
            let config = with_key(key);
            assert_eq!((config.vendor.api_key.expose(), config.warnings.len()), ("ak_test_canary", 1), "{key:?}");
        }
        for key in ["\"ak_test_canary\"", "'ak_test_canary'\n"] {
            let warnings = with_key(key).warnings;
            assert!(warnings.iter().any(|one| one.starts_with("BANDYER_API_SECRET_KEY is in quotes")), "{warnings:?}");
            assert!(!format!("{warnings:?}").contains("canary"));
        }
    }

    #[test]
    fn all_problems_are_reported_by_name_and_without_values() {
        let problems = with(&[
            ("BANDYER_BASE_URL", "http://canary.example"),
            ("UNLIMITED_TELECONSULTATION", "TRUE-canary"),
            ("LIVE_TELECONSULTATION", "1"),
            ("IMMUTABLE_PERIOD_MS", "soon-canary"),
            ("DEFAULT_RECORDING_TYPE", "canary"),
            ("HTTP_PORT", "70000"),
            ("LOG_LEVEL", "loud"),
            ("USERID_HEADER_KEY", "mia user"),
            ("TELECONSULT_BIND_ADDRESS", "here"),
            ("AUTH_SERVICE", "auth0 canary"),
            ("CRUD_SERVICE_URL", "ftp://canary"),
            ("DATABASE_URL", "mysql://canary"),
            ("TELECONSULT_DATABASE_SCHEMA", "canary; DROP"),
            ("TELECONSULTATION_SERVICE_CONFIG_PATH", "/nowhere/canary.json"),
        ])
        .unwrap_err();
        let names = [
            "BANDYER_API_SECRET_KEY",
            "BANDYER_BASE_URL",
            "UNLIMITED_TELECONSULTATION",
            "LIVE_TELECONSULTATION",
            "IMMUTABLE_PERIOD_MS",
            "DEFAULT_RECORDING_TYPE",
            "HTTP_PORT",
            "LOG_LEVEL",
            "USERID_HEADER_KEY",
            "TELECONSULT_BIND_ADDRESS",
            "AUTH_SERVICE",
            "CRUD_SERVICE_URL",
            "TELECONSULTATIONS_CRUD_NAME",
            "USER_ID_MAP_CRUD_NAME",
            "TELECONSULT_DATABASE_SCHEMA",
            "DATABASE_URL",
            "TELECONSULTATION_SERVICE_CONFIG_PATH",
        ];
        for name in names {
            assert_eq!(
                problems.iter().filter(|line| line.split(' ').next() == Some(name)).count(),
                1,
                "{name} {problems:#?}"
            );
        }
        assert_eq!(problems.len(), names.len());
        assert!(!problems.iter().any(|line| line.contains("canary")), "{problems:#?}");
    }

    #[test]
    fn a_plain_http_vendor_and_a_broken_key_are_refused() {
        assert_eq!(with(&[KEY, ("BANDYER_BASE_URL", "http://h")]).unwrap_err().len(), 1);
        assert_eq!(with(&[("BANDYER_API_SECRET_KEY", "a\nb"), URL]).unwrap_err().len(), 1);
    }

    #[test]
    fn a_key_that_is_missing_or_broken_hides_no_problem_of_the_address() {
        let v1 = ("BANDYER_BASE_URL", "https://api.sandbox.eu.bandyer.com/rest");
        let transcribed = [("TELECONSULT_OFFLINE_TRANSCRIPTION", "true"), ("DEFAULT_RECORDING_TYPE", "manual")];
        for key in [("BANDYER_API_SECRET_KEY", ""), ("BANDYER_API_SECRET_KEY", "a\nb")] {
            assert_eq!(with(&[key, URL]).unwrap_err().len(), 1);
            assert_eq!(with(&[key, ("BANDYER_BASE_URL", "http://h")]).unwrap_err().len(), 2);
            assert_eq!(with(&[key, v1, transcribed[0], transcribed[1]]).unwrap_err().len(), 2);
        }
    }

    #[test]
    fn the_launchers_wait_replaces_nonsense_by_ten_seconds_and_warns() {
        for (text, seconds, warned) in [("3", 3, false), ("0", 10, true), ("soon", 10, true), ("-1", 10, true)] {
            let config = with(&[KEY, URL, ("WAIT_BEFORE_SERVER_CLOSE_SEC", text)]).unwrap();
            assert_eq!(config.http.wait_before_close.as_secs(), seconds, "{text}");
            let is_warned = config.warnings.iter().any(|warning| warning.starts_with("WAIT_BEFORE_SERVER_CLOSE_SEC"));
            assert_eq!(is_warned, warned, "{text}");
        }
    }

    #[test]
    fn a_lease_shorter_than_a_request_is_a_warning() {
        for (seconds, warned) in [("1", true), ("90", true), ("91", false), ("3600", false)] {
            let config = with(&[KEY, URL, ("TELECONSULT_LEASE_SECONDS", seconds)]).unwrap();
            let is_warned = config.warnings.iter().any(|warning| warning.starts_with("TELECONSULT_LEASE_SECONDS"));
            assert_eq!(is_warned, warned, "{seconds}");
        }
    }

    #[test]
    fn a_prefix_is_a_path() {
        for (text, prefix) in [("/", ""), ("", ""), ("/api/v1/", "/api/v1"), ("/x", "/x")] {
            assert_eq!(with(&[KEY, URL, ("SERVICE_PREFIX", text)]).unwrap().http.prefix, prefix, "{text}");
        }
        for wrong in ["x", "//", "/x//", "//x"] {
            assert!(with(&[KEY, URL, ("SERVICE_PREFIX", wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn old_records_are_kept_unless_a_number_of_days_is_set() {
        assert_eq!(with(&[KEY, URL]).unwrap().retention, None);
        let days = |days| with(&[KEY, URL, ("TELECONSULT_RETENTION_DAYS", days)]).map(|config| config.retention);
        assert_eq!(days("36500").unwrap(), Some(jiff::SignedDuration::from_hours(876_000)));
        for wrong in ["0", "36501", "a month"] {
            assert_eq!(days(wrong).unwrap_err().len(), 1, "{wrong}");
        }
        let crud = [("CRUD_SERVICE", "crud"), ("TELECONSULTATIONS_CRUD_NAME", "t"), ("USER_ID_MAP_CRUD_NAME", "u")];
        let problems = with(&[&[KEY, URL, ("TELECONSULT_RETENTION_DAYS", "30")], &crud[..]].concat()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].starts_with("TELECONSULT_RETENTION_DAYS needs"), "{problems:?}");
    }

    #[test]
    fn no_secret_is_in_a_debug_text() {
        let database = ("DATABASE_URL", "postgres://teleconsult:canary@db.example/teleconsult?sslmode=require");
        let config = with(&[KEY, URL, database]).unwrap();
        assert!(matches!(config.database, Database::Postgres { connections: 10, .. }));
        assert!(!format!("{config:?}").contains("canary"));
    }
}
