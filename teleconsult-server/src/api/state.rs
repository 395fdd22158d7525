//! What every request shares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::task::TaskTracker;

use crate::api::documentation::Description;
use crate::api::metrics::Metrics;
use crate::auth::IdentitySettings;
use crate::base::networks::Networks;
use crate::config::{Config, Limits};
use crate::people::directory::Directory;
use crate::people::profiles::People;
use crate::platform::Forwarding;
use crate::rooms::Rooms;
use crate::rooms::details::Details;
use crate::rooms::metrics::RoomCounters;
use crate::store::Store;
use crate::telemetry::registry::Registry;
use crate::use_cases::UseCases;
use crate::vendor::VendorClient;

/// What handlers need to know of the configuration.
#[derive(Debug)]
pub struct AppSettings {
    /// What comes before every path.
    pub prefix: String,
    /// Who may tell the client's address.
    pub trusted_proxies: Networks,
    /// What a client may take.
    pub limits: Limits,
    /// How the caller is recognised.
    pub identity: IdentitySettings,
    /// Which headers the platform's services are told.
    pub forwarding: Forwarding,
    /// Groups whose members get a background picture without asking.
    pub background_groups: Vec<String>,
    /// Whether the files of a call are deleted when the front end says so.
    pub delete_uploads: bool,
    /// Largest transcription that is passed on, in bytes.
    pub transcription_max_bytes: u64,
}

/// The parts of the service, put together.
pub struct App {
    /// The use cases.
    pub appointments: UseCases,
    /// The vendor's users.
    pub directory: Arc<Directory>,
    /// Where groups and names come from.
    pub people: Arc<People>,
    /// The vendor's rooms.
    pub keeper: Arc<Rooms>,
    /// Room details for viewers.
    pub details: Details,
    /// The vendor's calls.
    pub calls: VendorClient,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// What is counted and timed, unless metrics are turned off.
    pub metrics: Option<Metrics>,
    /// The description of the API, made when somebody asks for it.
    pub description: OnceLock<Description>,
    /// What handlers need to know of the configuration.
    pub settings: AppSettings,
    /// Changes that go on when their caller has left.
    pub tasks: TaskTracker,
    closing: AtomicBool,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        config: &Config,
        calls: VendorClient,
        store: Arc<dyn Store>,
        people: People,
        registry: Option<&Registry>,
    ) -> Self {
        let directory = Arc::new(Directory::new(Arc::clone(&store), calls.clone()));
        let counters = registry.map(RoomCounters::register).unwrap_or_default();
        let keeper = Arc::new(Rooms::new(Arc::clone(&store), calls.clone(), config.rooms.clone(), counters));
        let people = Arc::new(people);
        let appointments = UseCases::new(
            Arc::clone(&store),
            Arc::clone(&directory),
            Arc::clone(&keeper),
            Arc::clone(&people),
            config.rules.clone(),
            config.rooms.lease,
        );
        Self {
            appointments,
            directory,
            people,
            keeper,
            details: Details::new(calls.clone()),
            calls,
            store,
            metrics: registry.map(Metrics::register),
            description: OnceLock::new(),
            settings: AppSettings {
                prefix: config.http.prefix.clone(),
                trusted_proxies: config.http.trusted_proxies.clone(),
                limits: config.http.limits.clone(),
                identity: config.identity.clone(),
                forwarding: config.platform.forwarding.clone(),
                background_groups: config.api.background_groups.clone(),
                delete_uploads: config.api.delete_uploads,
                transcription_max_bytes: config.api.transcription_max_bytes,
            },
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// Says that no new requests are wanted. They are still served; only readiness changes.
    pub fn close_soon(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether new requests are wanted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closing.load(Ordering::Relaxed)
    }
}
