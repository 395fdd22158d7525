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
use crate::people::profiles::ProfileSource;
use crate::platform::Forwarding;
use crate::rooms::Rooms;
use crate::rooms::details::Details;
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
    pub use_cases: UseCases,
    /// The vendor's users.
    pub directory: Arc<Directory>,
    /// Where groups and names come from.
    pub profiles: Arc<ProfileSource>,
    /// The vendor's rooms.
    pub rooms: Arc<Rooms>,
    /// Room details for viewers.
    pub details: Details,
    /// The vendor's calls.
    pub vendor: VendorClient,
    /// What is remembered.
    pub store: Store,
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

/// What the API is composed of.
pub struct Parts {
    /// The use cases.
    pub use_cases: UseCases,
    /// The vendor's users.
    pub directory: Arc<Directory>,
    /// Where groups and names come from.
    pub profiles: Arc<ProfileSource>,
    /// The vendor's rooms.
    pub rooms: Arc<Rooms>,
    /// The vendor's calls.
    pub vendor: VendorClient,
    /// The store.
    pub store: Store,
}

impl App {
    /// Composes the parts.
    #[must_use]
    pub fn new(config: &Config, parts: Parts, registry: Option<&Registry>) -> Self {
        let Parts { use_cases, directory, profiles, rooms, vendor, store } = parts;
        Self {
            use_cases,
            directory,
            profiles,
            rooms,
            details: Details::new(vendor.clone()),
            vendor,
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
