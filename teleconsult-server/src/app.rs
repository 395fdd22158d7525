//! Composes the service, starts it, and stops it without losing anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::{ApiSettings, ApiState, Parts};
use crate::base::clock::Clock;
use crate::config::{Config, Database as DatabaseSettings, PlatformSettings};
use crate::http::Pipeline;
use crate::jobs::{Branding, KeyExpiry, MetricsUpkeep, Recovery, Retention, RoomRetirement, Runner, Sweep};
use crate::people::auth_service::AuthService;
use crate::people::custom_id::CustomIds;
use crate::people::directory::Directory;
use crate::people::profiles::ProfileSource;
use crate::platform::{CallMetrics, PlatformClient};
use crate::rooms::Rooms;
use crate::rooms::metrics::RoomCounters;
use crate::server;
use crate::store::engine::{Database, OpenError};
use crate::store::{Store, StoreError, metrics as store_metrics};
use crate::telemetry::registry::Registry;
use crate::use_cases::UseCases;
use crate::vendor::{BreakerMetrics, VendorClient};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The open database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor's client cannot be built.
    #[error("the client of the video provider cannot be built")]
    Vendor(#[source] bandyer_client::ConfigError),
    /// The client of the platform's services cannot be built.
    #[error("the client of the platform's services cannot be built")]
    Platform(#[source] reqwest::Error),
    /// The address is not available.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

async fn open_store(
    config: &Config,
    vendor: &str,
    platform: &PlatformClient,
    clock: &Clock,
) -> Result<Store, StartError> {
    let database = match &config.database {
        DatabaseSettings::Folder(folder) => {
            Database::open_sqlite(folder, clock.clone()).await.map_err(OpenError::from)?
        }
        DatabaseSettings::Postgres { url, schema, connections } => {
            Database::open_postgres(url, schema, *connections).await.map_err(OpenError::from)?
        }
    };
    let database = database.for_vendor(vendor);
    let store = match &config.platform.crud {
        Some(settings) => Store::with_crud_service(database, settings.clone(), platform.clone()),
        None => Store::new(database),
    };
    if matches!(config.database, DatabaseSettings::Folder(_)) {
        // No other process uses it, so every holder of a lease is gone.
        store.write(|tx| Box::pin(tx.release_leases())).await?;
    }
    // What made the deletion of a room fail may have been repaired since.
    store.write(|tx| Box::pin(tx.unpark_retirements())).await?;
    Ok(store)
}

/// Where groups and names come from.
fn profiles(settings: &PlatformSettings, client: &PlatformClient) -> ProfileSource {
    let Some(auth) = settings.auth.clone() else { return ProfileSource::Caller };
    let custom_ids = settings.custom_ids.clone().map(|settings| Box::new(CustomIds::new(settings, client.clone())));
    ProfileSource::AuthService { auth: Box::new(AuthService::new(auth, client.clone())), custom_ids }
}

/// A service that serves requests.
pub struct Running {
    api: Arc<ApiState>,
    store: Store,
    address: SocketAddr,
    drain_timeout: Duration,
    shutdown: CancellationToken,
    end_changes: CancellationToken,
    serving: JoinHandle<usize>,
    jobs: Runner,
}

/// How a stop went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// How many connections were closed before their request had a response.
    pub cut_connections: usize,
    /// How many changes were ended before they were complete, with or without a connection.
    pub unfinished_changes: usize,
    /// The name of a background job that has panicked.
    pub failed_job: Option<&'static str>,
}

/// How long running jobs may take to end. What they hold is released when its lease ends, so this only saves other
/// instances the wait.
const JOBS_GRACE: Duration = Duration::from_secs(5);

impl Running {
    /// Opens the store, binds and starts to serve. What instances share goes by PostgreSQL's clock, where there is one.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let registry = config.telemetry.expose_metrics.then(Registry::new);
        let call_metrics = registry.as_ref().filter(|_| config.platform.client_metrics).map(CallMetrics::register);
        let platform = PlatformClient::new(call_metrics).map_err(StartError::Platform)?;
        let breaker_metrics = registry.as_ref().map(BreakerMetrics::register).unwrap_or_default();
        let client = config.vendor.client().map_err(StartError::Vendor)?;
        let store = open_store(config, &config.vendor.identity(client.api_version()), &platform, &clock).await?;
        let vendor = VendorClient::new(client, breaker_metrics);
        let directory = Arc::new(Directory::new(store.clone(), vendor.clone()));
        let room_counters = registry.as_ref().map(RoomCounters::register).unwrap_or_default();
        let rooms = Rooms::new(store.clone(), vendor.clone(), config.rooms.clone(), room_counters);
        let rooms = Arc::new(rooms);
        rooms.check_records_place().await?;
        let profiles = Arc::new(profiles(&config.platform, &platform));
        let use_cases = UseCases::new(
            store.clone(),
            Arc::clone(&directory),
            Arc::clone(&rooms),
            Arc::clone(&profiles),
            config.rules.clone(),
            clock,
        );
        let parts = Parts {
            use_cases,
            directory,
            profiles,
            rooms: Arc::clone(&rooms),
            vendor: vendor.clone(),
            store: store.clone(),
        };
        let settings = ApiSettings {
            prefix: config.http.prefix.clone(),
            identity: config.identity.clone(),
            forwarding: config.platform.forwarding.clone(),
            endpoints: config.api.clone(),
        };
        let api = Arc::new(ApiState::new(settings, parts, registry.as_ref()));

        let address = SocketAddr::new(config.http.address, config.http.port);
        let failed = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let shutdown = CancellationToken::new();
        let store_errors = registry.as_ref().map_or_else(metrics::Counter::noop, store_metrics::errors);
        let mut jobs = Runner::new(store.clone(), store_errors, shutdown.clone());
        jobs.spawn(Recovery(Arc::clone(&rooms)));
        jobs.spawn(RoomRetirement(Arc::clone(&rooms)));
        jobs.spawn(Sweep(Arc::clone(&rooms)));
        if let Some(kept_for) = config.retention {
            let removals = registry.as_ref().map_or_else(metrics::Counter::noop, store_metrics::removals);
            jobs.spawn(Retention::new(kept_for, store.clone(), rooms, removals));
        }
        jobs.spawn(KeyExpiry::new(store.clone()));
        jobs.spawn(Branding::new(config.branding.clone(), vendor));
        if let Some(registry) = registry {
            jobs.spawn(MetricsUpkeep(registry));
        }
        let end_changes = CancellationToken::new();
        let (tasks, end) = (api.tasks.clone(), end_changes.clone());
        let pipeline = Pipeline::new(Arc::clone(&api), config.http.requests.clone(), tasks, end);
        let pipeline = Arc::new(pipeline);
        let handler = move |request, peer: SocketAddr| Arc::clone(&pipeline).respond(request, peer.ip());
        let limits = config.http.connections.clone();
        let drain_timeout = limits.drain_timeout;
        let serving = tokio::spawn(server::serve(listener, limits, shutdown.clone(), handler));
        tracing::info!("Server listening at http://{address}");
        Ok(Self { api, store, address, drain_timeout, shutdown, end_changes, serving, jobs })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves with the name of a background job that has panicked. The service should be stopped then.
    pub fn job_failure(&self) -> impl Future<Output = &'static str> + Send + use<> {
        self.jobs.failure()
    }

    /// Reports not to be ready, so that load balancers stop sending requests. Requests are still served.
    pub fn close_soon(&self) {
        self.api.close_soon();
    }

    /// Stops: no new connections are accepted, running requests and changes finish within the drain timeout, and the store
    /// is closed.
    ///
    /// The next start resolves what an aborted change leaves.
    pub async fn stop(self) -> Stopped {
        self.close_soon();
        // One deadline for all, because an orchestrator waits for so long and no longer.
        let deadline = Instant::now() + self.drain_timeout;
        self.shutdown.cancel();
        let cut_connections = self.serving.await.unwrap_or_default();
        self.api.tasks.close();
        let finished = tokio::time::timeout_at(deadline, self.api.tasks.wait()).await;
        let unfinished_changes = if finished.is_ok() { 0 } else { self.api.tasks.len() };
        self.end_changes.cancel();
        // Each logs that it ended, which takes no time.
        self.api.tasks.wait().await;
        let failed_job = self.jobs.end(deadline.min(Instant::now() + JOBS_GRACE)).await;
        self.store.close().await;
        Stopped { cut_connections, unfinished_changes, failed_job }
    }
}
