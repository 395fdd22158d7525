//! Puts the parts of the service together.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio_util::task::TaskTracker;

use crate::api::state::{ApiSettings, ApiState};
use crate::config::Config;
use crate::people::directory::Directory;
use crate::rooms::Rooms;
use crate::rooms::details::Details;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::use_cases::UseCases;
use crate::vendor::VendorClient;

/// What handlers share, for this configuration and store.
pub(super) fn api_state(config: &Config, store: Arc<dyn Store>) -> ApiState {
    let metrics = config.expose_metrics.then(|| Metrics::new(config.platform.client.times()));
    let breaker = metrics.as_ref().map(Metrics::breaker).unwrap_or_default();
    let calls = VendorClient::new(config.vendor.clone(), breaker);
    let directory = Arc::new(Directory::new(Arc::clone(&store), calls.clone()));
    let counters = metrics.as_ref().map(Metrics::room_counters).unwrap_or_default();
    let rooms = Arc::new(Rooms::new(Arc::clone(&store), calls.clone(), config.rooms.clone(), counters));
    let people = Arc::new(config.platform.people());
    let use_cases = UseCases::new(
        Arc::clone(&store),
        Arc::clone(&directory),
        Arc::clone(&rooms),
        Arc::clone(&people),
        config.rules.clone(),
        config.rooms.lease,
    );
    ApiState {
        use_cases,
        directory,
        people,
        rooms,
        details: Details::new(calls.clone()),
        calls,
        store,
        metrics,
        description: OnceLock::new(),
        settings: ApiSettings {
            prefix: config.http.prefix.clone(),
            identity: config.identity.clone(),
            forwarding: config.platform.forwarding.clone(),
            background_groups: config.background_groups.clone(),
            delete_uploads: config.delete_uploads,
            transcription_max_bytes: config.transcription_max_bytes,
        },
        tasks: TaskTracker::new(),
        closing: AtomicBool::new(false),
    }
}
