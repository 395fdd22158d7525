//! Composes the service, starts it, and stops it without losing anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::App;
use crate::base::clock::Clock;
use crate::config::{Config, Database as DatabaseSettings};
use crate::http;
use crate::jobs::{Branding, KeyExpiry, Recovery, RoomRetirement, Runner, Sweep};
use crate::server;
use crate::store::engine::{Database, OpenError};
use crate::store::{Store, StoreError};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The open database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
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

async fn open_store(config: &Config, clock: &Clock) -> Result<Store, StartError> {
    let database = match &config.database {
        DatabaseSettings::Folder(folder) => Database::open_sqlite(folder).await.map_err(OpenError::from)?,
        DatabaseSettings::Postgres { url, connections } => {
            Database::open_postgres(url, *connections).await.map_err(OpenError::from)?
        }
    };
    let store = match &config.platform.crud {
        Some(settings) => Store::with_crud_service(database, settings.clone(), config.platform.client.clone()),
        None => Store::new(database),
    };
    if matches!(config.database, DatabaseSettings::Folder(_)) {
        // No other process uses it, so every holder of a lease is gone.
        store.write(|tx| Box::pin(tx.release_leases())).await?;
    }
    // What made the deletion of a room fail may have been repaired since.
    let now = clock.now();
    store.write(move |tx| Box::pin(async move { tx.unpark_retirements(now).await })).await?;
    Ok(store)
}

/// A service that serves requests.
pub struct Running {
    app: Arc<App>,
    store: Store,
    address: SocketAddr,
    drain_timeout: Duration,
    shutdown: CancellationToken,
    serving: JoinHandle<usize>,
    jobs: Runner,
    metrics_upkeep: JoinHandle<()>,
}

/// How long running jobs may take to end. What they hold is released when its lease ends, so this only saves other
/// instances the wait.
const JOBS_GRACE: Duration = Duration::from_secs(5);

impl Running {
    /// Opens the store, binds and starts to serve.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let clock = Clock::system();
        let store = open_store(config, &clock).await?;
        let app = Arc::new(App::new(config, store.clone(), clock.clone()));

        let address = SocketAddr::new(config.http.address, config.http.port);
        let failed = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let shutdown = CancellationToken::new();
        let mut jobs = Runner::new(store.clone(), clock.clone(), app.room_counters.clone(), shutdown.clone());
        jobs.spawn(Recovery(Arc::clone(&app.rooms)));
        jobs.spawn(RoomRetirement(Arc::clone(&app.rooms)));
        jobs.spawn(Sweep(Arc::clone(&app.rooms)));
        jobs.spawn(KeyExpiry::new(store.clone(), clock));
        jobs.spawn(Branding::new(config.branding.clone(), app.vendor.clone()));
        let metrics = Arc::clone(&app);
        let metrics_upkeep = tokio::spawn(async move {
            if let Some(metrics) = &metrics.metrics {
                metrics.keep_up().await;
            }
        });
        let handler = {
            let app = Arc::clone(&app);
            move |request, peer: SocketAddr| http::answer(Arc::clone(&app), request, peer.ip())
        };
        let limits = config.http.limits.clone();
        let drain_timeout = limits.drain_timeout;
        let serving = tokio::spawn(server::serve(listener, limits, shutdown.clone(), handler));
        tracing::info!("Server listening at http://{address}");
        Ok(Self { app, store, address, drain_timeout, shutdown, serving, jobs, metrics_upkeep })
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
        self.app.close_soon();
    }

    /// Stops: no new connections are accepted, running requests and changes finish within the drain timeout, and the store
    /// is closed.
    ///
    /// Returns how many connections and changes had to be aborted. The next start resolves what an aborted change leaves.
    pub async fn stop(self) -> usize {
        self.close_soon();
        // One deadline for all, because an orchestrator waits for so long and no longer.
        let deadline = Instant::now() + self.drain_timeout;
        self.shutdown.cancel();
        let aborted_connections = self.serving.await.unwrap_or_default();
        self.app.tasks.close();
        let finished = tokio::time::timeout_at(deadline, self.app.tasks.wait()).await;
        let aborted_changes = if finished.is_ok() { 0 } else { self.app.tasks.len() };
        self.metrics_upkeep.abort();
        self.jobs.end(deadline.min(Instant::now() + JOBS_GRACE)).await;
        self.store.close().await;
        aborted_connections + aborted_changes
    }
}
