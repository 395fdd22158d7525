//! What handlers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::task::TaskTracker;

use super::documentation::Description;
use super::metrics::Metrics;
use crate::auth::IdentitySettings;
use crate::people::directory::Directory;
use crate::people::profiles::ProfileSource;
use crate::platform::Forwarding;
use crate::rooms::Rooms;
use crate::rooms::details::Details;
use crate::store::Store;
use crate::telemetry::registry::Registry;
use crate::use_cases::UseCases;
use crate::vendor::VendorClient;

/// Settings of the API.
#[derive(Debug)]
pub struct ApiSettings {
    /// What comes before every path but those under `/-/`.
    pub prefix: String,
    /// How callers are identified.
    pub identity: IdentitySettings,
    /// Which headers are passed on to the platform's services.
    pub forwarding: Forwarding,
    /// What single endpoints may do.
    pub endpoints: EndpointSettings,
}

/// What single endpoints may do.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// Groups whose members get a background picture by default.
    pub background_groups: Vec<String>,
    /// Whether the files of a call are deleted when the front end asks for it (`TELECONSULTATION_DELETE_UPLOADS`).
    pub delete_uploads: bool,
    /// Largest transcription that is passed on, in bytes (`TRANSCRIPTION_MAX_FILE_SIZE`).
    pub transcription_max_bytes: u64,
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

/// What handlers share.
pub struct ApiState {
    /// The parts that do the work.
    pub parts: Parts,
    /// Room details for viewers.
    pub details: Details,
    /// The metrics, unless they are turned off.
    pub metrics: Option<Metrics>,
    /// The OpenAPI document, made when it is first requested.
    pub description: OnceLock<Description>,
    /// The settings.
    pub settings: ApiSettings,
    /// Work that goes on when its caller has left.
    pub tasks: TaskTracker,
    closing: AtomicBool,
}

impl ApiState {
    /// Composes the API.
    #[must_use]
    pub fn new(settings: ApiSettings, parts: Parts, registry: Option<&Registry>) -> Self {
        Self {
            details: Details::new(parts.vendor.clone()),
            parts,
            metrics: registry.map(Metrics::register),
            description: OnceLock::new(),
            settings,
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// Reports from now on that no new requests are wanted. They are still served; only readiness changes.
    pub fn close_soon(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether new requests are wanted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closing.load(Ordering::Relaxed)
    }
}
