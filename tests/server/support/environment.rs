//! Builds everything a server runs among: an emulated vendor, platform services, a database, a folder and variables. The
//! server itself runs in this process ([`Setup::in_process`]) or as the real binary ([`Setup::binary`]).

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Emulator, Operation};
use tempfile::TempDir;

use super::auth_service::AuthStandIn;
use super::crud_service::{CrudStandIn, PEOPLE, RECORDS};
use super::database::{Database, Kind};
use super::service::{Platform, Service};
use super::site::Site;

/// What to run a server among. Starts from a V2 vendor and the embedded store, without platform services.
#[must_use]
pub struct Setup {
    version: ApiVersion,
    platform: Platform,
    api_key: Option<&'static str>,
    variables: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { version: ApiVersion::V2, platform: Platform::ALONE, api_key: None, variables: Vec::new() }
    }
}

impl Setup {
    /// The generation of the vendor's API.
    pub const fn version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// The store and the platform services.
    pub const fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// The database, without platform services.
    pub const fn database(self, database: Kind) -> Self {
        self.platform(Platform { database, ..Platform::ALONE })
    }

    /// The key that the vendor expects.
    pub const fn api_key(mut self, key: &'static str) -> Self {
        self.api_key = Some(key);
        self
    }

    /// Environment variables of the server; they override the defaults of this setup.
    pub fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        self.variables.extend(owned(variables));
        self
    }

    /// Background jobs run every second, and leases end after one.
    pub fn frequent_jobs(self) -> Self {
        self.variables(&[
            ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "1"),
            ("TELECONSULT_LEASE_SECONDS", "1"),
            ("TELECONSULT_ORPHAN_GRACE_SECONDS", "1"),
            ("TELECONSULT_SWEEP_INTERVAL_SECONDS", "1"),
            ("TELECONSULT_DATABASE_CONNECTIONS", "4"),
        ])
    }

    /// Runs the server in this process.
    pub async fn in_process(mut self) -> Service {
        let variables = std::mem::take(&mut self.variables);
        let mut environment = self.start().await;
        let base_url = environment.emulator.base_url(environment.version);
        environment.set([("BANDYER_BASE_URL", base_url)]);
        environment.set([
            ("TELECONSULT_DATABASE_CONNECTIONS", "4"),
            // Jobs run once at the start; a test that needs another run restarts the server.
            ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "3600"),
        ]);
        environment.set(variables);
        Service::start_in(environment).await
    }

    /// Prepares processes of the real binary; [`Site::start`] starts one.
    pub async fn binary(mut self) -> Site {
        let variables = std::mem::take(&mut self.variables);
        let mut environment = self.start().await;
        environment.set([("WAIT_BEFORE_SERVER_CLOSE_SEC", "0.1")]);
        environment.set(variables);
        Site::new_in(environment)
    }

    async fn start(self) -> Environment {
        let Self { version, platform, api_key, variables: _ } = self;
        let emulator = match api_key {
            Some(key) => Emulator::builder().api_key(key).start().await.unwrap(),
            None => Emulator::start().await.unwrap(),
        };
        let auth = match platform.auth {
            Some(serves) => Some(AuthStandIn::start(serves).await),
            None => None,
        };
        let crud = if platform.crud { Some(CrudStandIn::start(auth.is_none()).await) } else { None };
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let database = match platform.database {
            Kind::Embedded => Database::in_folder(&data_dir),
            Kind::Postgres => Database::in_postgres().await,
        };
        // Operators know this form: with `/rest` for V1, the bare host for V2.
        let base_url = match version {
            ApiVersion::V1 => emulator.base_url(ApiVersion::V1),
            _ => emulator.url().to_owned(),
        };
        let mut variables = owned(&[
            ("BANDYER_API_SECRET_KEY", emulator.api_key().expose()),
            ("BANDYER_BASE_URL", &base_url),
            ("DATA_DIR", data_dir.to_str().unwrap()),
            ("HTTP_PORT", "0"),
            ("TELECONSULT_BIND_ADDRESS", "127.0.0.1"),
        ]);
        if platform.database == Kind::Postgres {
            variables.extend(owned(&[("DATABASE_URL", &database.url)]));
        }
        if let Some(auth) = &auth {
            // Without a cache, the server reads each change that a test makes.
            variables.extend(owned(&[("AUTH_SERVICE", &auth.http.url), ("TELECONSULT_AUTH_CACHE_SECONDS", "0")]));
        }
        if let Some(crud) = &crud {
            variables.extend(owned(&[
                ("CRUD_SERVICE_URL", &crud.http.url),
                ("TELECONSULTATIONS_CRUD_NAME", RECORDS),
                ("USER_ID_MAP_CRUD_NAME", PEOPLE),
            ]));
        }
        Environment { version, emulator, auth, crud, database, variables, _folder: folder }
    }
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What a server runs among. It ends with this value.
pub struct Environment {
    pub version: ApiVersion,
    pub emulator: Emulator,
    pub auth: Option<AuthStandIn>,
    pub crud: Option<CrudStandIn>,
    pub database: Database,
    variables: Vec<(String, String)>,
    _folder: TempDir,
}

impl Environment {
    fn set(&mut self, variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) {
        for (name, value) in variables {
            let name = name.into();
            self.variables.retain(|(set, _)| *set != name);
            self.variables.push((name, value.into()));
        }
    }

    /// The environment of a process, with more variables, or others.
    pub fn variables<'a>(&'a self, others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
        let own = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.filter(|(name, _)| !is_other(name)).chain(others.iter().copied()).collect()
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone())
    }

    /// Waits until the vendor has been called this often.
    pub async fn until_called(&self, operation: Operation, times: usize) {
        let called = self.emulator.until_called(operation, times).await;
        called.unwrap_or_else(|error| panic!("{error}"));
    }
}
