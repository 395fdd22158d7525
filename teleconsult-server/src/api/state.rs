//! What handlers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::task::TaskTracker;

use crate::api::documentation::Description;
use crate::config::IdentitySettings;
use crate::people::directory::Directory;
use crate::people::profiles::People;
use crate::platform::Forwarding;
use crate::rooms::Rooms;
use crate::rooms::details::Details;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::use_cases::UseCases;
use crate::vendor::VendorClient;

/// Settings of the API.
#[derive(Debug)]
pub struct ApiSettings {
    /// What comes before every path.
    pub prefix: String,
    /// How the caller is recognised.
    pub identity: IdentitySettings,
    /// Which headers are passed on to the platform's services.
    pub forwarding: Forwarding,
    /// Groups whose members get a background picture by default.
    pub background_groups: Vec<String>,
    /// Whether the files of a call are deleted when the front end says so.
    pub delete_uploads: bool,
    /// Largest transcription that is passed on, in bytes.
    pub transcription_max_bytes: u64,
}

/// What handlers share.
pub struct ApiState {
    /// The use cases.
    pub use_cases: UseCases,
    /// The vendor's users.
    pub directory: Arc<Directory>,
    /// Where groups and names come from.
    pub people: Arc<People>,
    /// The vendor's rooms.
    pub rooms: Arc<Rooms>,
    /// Room details for viewers.
    pub details: Details,
    /// The vendor's calls.
    pub calls: VendorClient,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The metrics, if they are exposed.
    pub metrics: Option<Metrics>,
    /// The OpenAPI document, made when it is first requested.
    pub description: OnceLock<Description>,
    /// The settings.
    pub settings: ApiSettings,
    /// Work that goes on when its caller has left.
    pub tasks: TaskTracker,
    /// Whether the service is about to stop.
    pub closing: AtomicBool,
}

impl ApiState {
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
