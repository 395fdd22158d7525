//! The server's settings, from environment variables and one JSON file.
//!
//! Nothing here binds or connects. All problems are found in one go, each with the name of its variable and without
//! its value, which may be a secret.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bandyer_client::rooms::Recording;
use bandyer_client::{ApiKey, ApiVersion, Client, RetryPolicy};
use jiff::SignedDuration;

use crate::auth::user_id_path::UserIdPath;
use crate::branding::Branding;
use crate::domain::teleconsultation::Rules;
use crate::rooms::RoomSettings;
use crate::telemetry::logs::Level;
use crate::vendor;

mod database;
mod env;
mod file;
mod platform;

pub use file::schema as file_schema;
pub use platform::PlatformSettings;

pub use database::Database;

use crate::base::networks::Networks;
use env::Variables;

/// Everything the server is told at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The vendor.
    pub vendor: Client,
    /// Where the journal is, and the records unless the CRUD Service keeps them.
    pub database: Database,
    /// The business rules.
    pub rules: Rules,
    /// What rooms are made of.
    pub rooms: RoomSettings,
    /// How the caller is recognised.
    pub identity: IdentitySettings,
    /// The platform's services.
    pub platform: PlatformSettings,
    /// Groups whose members get a background picture without asking.
    pub background_groups: Vec<String>,
    /// How the company looks, where the configuration file says it.
    pub branding: Branding,
    /// Whether the files of a call are deleted when the front end says so (`TELECONSULTATION_DELETE_UPLOADS`).
    pub delete_uploads: bool,
    /// Largest transcription that is passed on, in bytes (`TRANSCRIPTION_MAX_FILE_SIZE`).
    pub transcription_max_bytes: u64,
    /// Where and how connections are served.
    pub http: HttpSettings,
    /// Whether `/-/metrics` is served.
    pub expose_metrics: bool,
    /// What is logged.
    pub log_level: Level,
    /// What is odd but does not stop the start.
    pub warnings: Vec<String>,
}

/// How the caller is recognised.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// The header in which the platform tells who calls (`USERID_HEADER_KEY`).
    pub user_id_header: http::HeaderName,
    /// Where the viewer of a teleconsultation is found, if not in that header.
    pub user_id_path: Option<UserIdPath>,
    /// From whose connections callers are believed (`TELECONSULT_IDENTITY_PROXIES`); from all when nothing is set.
    pub proxies: Option<Networks>,
}

/// Where and how connections are served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address to listen on.
    pub address: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// What comes before every path but those under `/-/`; empty or starting with a slash.
    pub prefix: String,
    /// Who may tell the client's address in `x-forwarded-for`.
    pub trusted_proxies: Networks,
    /// The limits.
    pub limits: Limits,
    /// How long requests are still taken after SIGTERM, so that balancers notice.
    pub wait_before_close: Duration,
}

/// What a client may take of the server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, if the process may have that many files open; more wait in the system's queue.
    pub connections: usize,
    /// Time from the first byte of a head to its end.
    pub header_timeout: Duration,
    /// Time a connection may be idle between requests, and an answer may wait for its reader. The predecessor keeps 72 s,
    /// and a gateway that reuses connections must not find them closed earlier.
    pub idle_timeout: Duration,
    /// Largest head, in bytes.
    pub head_bytes: usize,
    /// Largest JSON body, in bytes.
    pub body_bytes: usize,
    /// Time for a body.
    pub body_timeout: Duration,
    /// Time for an answer. Above what all vendor calls of one request may take, so that the answer is ours and not a
    /// gateway's.
    pub request_timeout: Duration,
    /// Time for running requests after the listener is closed.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            head_bytes: 32 * 1024,
            body_bytes: 256 * 1024,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(90),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, or the place in the file.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Where the value comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: it is not set.
    Unset,
    /// The environment.
    Environment,
    /// The configuration file.
    File {
        /// Which.
        path: String,
        /// The place in it; empty for the whole.
        key: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("not set"),
            Self::Environment => f.write_str("set in the environment"),
            Self::File { path, key } if key.is_empty() => write!(f, "set in the file {path}"),
            Self::File { path, key } => write!(f, "set in the file {path} at {key}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.message)
    }
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s)", .0.len())]
pub struct Problems(pub Vec<Problem>);

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// [`Problems`], all of them.
    pub fn from_env() -> Result<Self, Problems> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads variables through a function, so that tests need no environment.
    ///
    /// # Errors
    ///
    /// [`Problems`], all of them.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut vars = Variables::new(lookup);
        let key = vars.required("BANDYER_API_SECRET_KEY");
        let base_url = vars.required("BANDYER_BASE_URL");
        let vendor = base_url.and_then(|url| vendor_client(&mut vars, key.as_deref(), &url));

        let user_id_header = vars.header("USERID_HEADER_KEY", http::HeaderName::from_static("miauserid"));
        let unlimited = vars.boolean("UNLIMITED_TELECONSULTATION", true);
        let live = vars.boolean("LIVE_TELECONSULTATION", true);
        let immutable_ms = vars.number("IMMUTABLE_PERIOD_MS", 0.0);
        if !(0.0..=MAX_PERIOD_MS).contains(&immutable_ms) {
            vars.problem("IMMUTABLE_PERIOD_MS", "must be from 0 to 31536000000 (one year)");
        }
        let recording = vars.one_of("DEFAULT_RECORDING_TYPE", &["none", "manual", "automatic"], "none");
        let transcribed = vars.boolean("TELECONSULT_OFFLINE_TRANSCRIPTION", false);
        if transcribed && recording == "none" {
            vars.problem("TELECONSULT_OFFLINE_TRANSCRIPTION", "needs DEFAULT_RECORDING_TYPE manual or automatic");
        }
        if transcribed && vendor.as_ref().is_some_and(|vendor| vendor.api_version() == ApiVersion::V1) {
            vars.problem("TELECONSULT_OFFLINE_TRANSCRIPTION", "needs a BANDYER_BASE_URL of generation v2");
        }

        let file = match vars.text("TELECONSULTATION_SERVICE_CONFIG_PATH") {
            Some(path) => file::read(&path, &mut vars),
            None => file::Settings::default(),
        };

        let platform = platform::read(&mut vars, &user_id_header, file.custom_user_id.clone());
        let proxies = vars.some_networks(IDENTITY_PROXIES);
        if proxies.is_none() {
            vars.warning(format!(
                "{IDENTITY_PROXIES} is not set: whoever reaches this server is believed about who is calling"
            ));
        }

        let defaults = Limits::default();
        let limits = Limits {
            connections: vars.count("TELECONSULT_MAX_CONNECTIONS", 1..=1_000_000, defaults.connections),
            header_timeout: vars.seconds("TELECONSULT_HEADER_TIMEOUT_SECONDS", 1..=600, defaults.header_timeout),
            idle_timeout: vars.seconds("TELECONSULT_IDLE_TIMEOUT_SECONDS", 1..=3600, defaults.idle_timeout),
            body_timeout: vars.seconds("TELECONSULT_BODY_TIMEOUT_SECONDS", 1..=600, defaults.body_timeout),
            drain_timeout: vars.seconds("TELECONSULT_DRAIN_TIMEOUT_SECONDS", 0..=600, defaults.drain_timeout),
            ..defaults
        };
        let http = HttpSettings {
            address: vars.address("TELECONSULT_BIND_ADDRESS", IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            port: vars.count("HTTP_PORT", 0..=65_535, 3000).try_into().unwrap_or(3000),
            prefix: vars.prefix("SERVICE_PREFIX"),
            limits,
            trusted_proxies: vars.networks("TRUSTED_PROXIES"),
            wait_before_close: vars.launcher_wait("WAIT_BEFORE_SERVER_CLOSE_SEC", DEFAULT_WAIT),
        };
        let recovery_interval =
            vars.seconds("TELECONSULT_RECOVERY_INTERVAL_SECONDS", 1..=3600, Duration::from_secs(15));
        let orphan_grace = vars.seconds("TELECONSULT_ORPHAN_GRACE_SECONDS", 1..=86_400, Duration::from_secs(300));
        let sweep_interval = vars.seconds("TELECONSULT_SWEEP_INTERVAL_SECONDS", 1..=86_400, Duration::from_secs(300));
        let sweep_dry_run = vars.boolean("TELECONSULT_SWEEP_DRY_RUN", false);
        let lease = vars.seconds("TELECONSULT_LEASE_SECONDS", 1..=3600, DEFAULT_LEASE);
        let database = database::read(&mut vars);
        let delete_uploads = vars.boolean("TELECONSULTATION_DELETE_UPLOADS", false);
        let transcription_max_bytes = vars.file_size("TRANSCRIPTION_MAX_FILE_SIZE", DEFAULT_TRANSCRIPTION_BYTES);
        let expose_metrics = vars.boolean("EXPOSE_METRICS", true);
        let log_level = Level::parse(&vars.one_of("LOG_LEVEL", Level::NAMES, "info"));

        let (warnings, problems) = vars.finish();
        let (Some(vendor), true) = (vendor, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let immutable_period = SignedDuration::from_millis(immutable_ms as i64);
        Ok(Self {
            vendor,
            database,
            rules: Rules { privileges: file.privileges.clone(), unlimited, immutable_period },
            rooms: RoomSettings {
                privileges: file.privileges,
                unlimited,
                live,
                recording: Recording::from(recording.as_str()),
                transcribed,
                lease: SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX),
                recovery_interval,
                orphan_grace: SignedDuration::try_from(orphan_grace).unwrap_or(SignedDuration::MAX),
                sweep_interval,
                sweep_dry_run,
            },
            identity: IdentitySettings { user_id_header, user_id_path: file.user_id_path, proxies },
            platform,
            background_groups: file.background_groups,
            branding: file.branding,
            delete_uploads,
            transcription_max_bytes,
            http,
            expose_metrics,
            log_level,
            warnings,
        })
    }
}

const IDENTITY_PROXIES: &str = "TELECONSULT_IDENTITY_PROXIES";
/// One year. The period is subtracted from dates, and nobody hides a change for longer.
const MAX_PERIOD_MS: f64 = 31_536_000_000.0;
/// What the predecessor documents: 50MB.
const DEFAULT_TRANSCRIPTION_BYTES: u64 = 50 * 1024 * 1024;
/// What the predecessor's launcher waits.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);
/// Above what a request may take, so that nobody takes over what is not abandoned.
const DEFAULT_LEASE: Duration = Duration::from_secs(5 * vendor::CALL_TIMEOUT.as_secs());

/// The vendor client, with limits that suit somebody waiting for an answer.
///
/// A build tells its first problem alone, and what is wrong with the key must not hide what is wrong with the address. So
/// something else takes the place of a key that is missing or wrong; its problem stops the start all the same.
fn vendor_client(vars: &mut Variables<'_>, key: Option<&str>, base_url: &str) -> Option<Client> {
    const NO_KEY: &str = "none";
    let build = |key: &str| {
        Client::builder(ApiKey::from(key))
            .base_url(base_url)
            .attempt_timeout(vendor::ATTEMPT_TIMEOUT)
            .retry(RetryPolicy::standard().total_timeout(vendor::CALL_TIMEOUT))
            .user_agent_suffix(concat!("teleconsult-server/", env!("CARGO_PKG_VERSION")))
            .build()
    };
    let built = match build(key.unwrap_or(NO_KEY)) {
        Err(bandyer_client::ConfigError::ApiKey(reason)) => {
            vars.problem("BANDYER_API_SECRET_KEY", &format!("is {reason}"));
            build(NO_KEY)
        }
        built => built,
    };
    match built {
        Ok(client) => Some(client),
        Err(bandyer_client::ConfigError::BaseUrl(reason)) => {
            vars.problem("BANDYER_BASE_URL", reason);
            None
        }
        Err(error) => {
            vars.problem("BANDYER_BASE_URL", &format!("cannot be used: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Config, Database, Level};
    use crate::domain::privileges::Privileges;

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
        assert_eq!((config.transcription_max_bytes, config.delete_uploads), (50 * 1024 * 1024, false));
        assert_eq!((config.expose_metrics, config.log_level), (true, Level::parse("info")));
        assert_eq!((&config.rules.privileges, config.background_groups.len()), (&Privileges::default(), 0));
        let platform = &config.platform;
        assert!(platform.crud.is_none() && platform.auth.is_none() && platform.custom_ids.is_none());
        assert!(!platform.client_metrics && config.identity.user_id_path.is_none());
        let told: Vec<&str> = platform.forwarding.names.iter().map(|name| name.as_str()).collect();
        let always = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];
        assert_eq!(told, [&["client-type", "miausergroups", "miauserid", "miauserproperties"][..], &always].concat());
        assert_eq!(platform.forwarding.backoffice, "isbackoffice");
        assert!(config.identity.proxies.is_none() && config.identity.trusts_peer([192, 0, 2, 1].into()));
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
        assert!(config.warnings[0].starts_with("TELECONSULT_IDENTITY_PROXIES is not set"));
    }

    #[test]
    fn once_proxies_are_named_nobody_else_is_believed_and_nothing_is_warned_of() {
        let config = with(&[KEY, URL, ("TELECONSULT_IDENTITY_PROXIES", "10.0.0.0/8, 192.0.2.7")]).unwrap();
        for (peer, believed) in
            [("10.9.9.9", true), ("192.0.2.7", true), ("::ffff:10.0.0.1", true), ("192.0.2.8", false)]
        {
            assert_eq!(config.identity.trusts_peer(peer.parse().unwrap()), believed, "{peer}");
        }
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        for wrong in ["gateway", "10.0.0.0/33", ","] {
            let problems = with(&[KEY, URL, ("TELECONSULT_IDENTITY_PROXIES", wrong)]).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with("TELECONSULT_IDENTITY_PROXIES must be a list"));
        }
    }

    #[test]
    fn all_problems_are_told_at_once_by_name_and_without_values() {
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
    fn the_launchers_wait_takes_nonsense_for_ten_seconds_and_says_so() {
        for (text, seconds, warned) in [("3", 3, false), ("0", 10, true), ("soon", 10, true), ("-1", 10, true)] {
            let config = with(&[KEY, URL, ("WAIT_BEFORE_SERVER_CLOSE_SEC", text)]).unwrap();
            assert_eq!(config.http.wait_before_close.as_secs(), seconds, "{text}");
            let told = config.warnings.iter().any(|warning| warning.starts_with("WAIT_BEFORE_SERVER_CLOSE_SEC"));
            assert_eq!(told, warned, "{text}");
        }
    }

    #[test]
    fn a_prefix_is_a_path() {
        for (text, prefix) in [("/", ""), ("", ""), ("/api/v1/", "/api/v1"), ("/x", "/x")] {
            assert_eq!(with(&[KEY, URL, ("SERVICE_PREFIX", text)]).unwrap().http.prefix, prefix, "{text}");
        }
        assert!(with(&[KEY, URL, ("SERVICE_PREFIX", "x")]).is_err());
    }

    #[test]
    fn no_secret_is_in_a_debug_text() {
        let database = ("DATABASE_URL", "postgres://teleconsult:canary@db.example/teleconsult?sslmode=require");
        let config = with(&[KEY, URL, database]).unwrap();
        assert!(matches!(config.database, Database::Postgres { connections: 10, .. }));
        assert!(!format!("{config:?}").contains("canary"));
    }
}
