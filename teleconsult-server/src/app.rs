//! Starts the service, keeps its background work going, and ends it without losing anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::App;
use crate::config::{Config, Database, PlatformSettings};
use crate::http;
use crate::people::auth_service::AuthService;
use crate::people::custom_id::CustomIds;
use crate::people::profiles::People;
use crate::platform::{CallMetrics, PlatformClient};
use crate::server;
use crate::store::crud_service::CrudServiceStore;
use crate::store::sql::{OpenError, SqlStore};
use crate::store::{Journal, Store, StoreError};
use crate::telemetry::registry::Registry;
use crate::vendor::{BreakerMetrics, VendorClient};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database, once open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor's client.
    #[error("the video provider cannot be called")]
    Vendor(#[source] bandyer_client::ConfigError),
    /// The client of the platform's services.
    #[error("the platform's services cannot be called")]
    Platform(#[source] reqwest::Error),
    /// The address.
    #[error("{address} cannot be listened on")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

async fn open(database: &Database) -> Result<SqlStore, StartError> {
    match database {
        Database::Folder(folder) => {
            let store = SqlStore::open_embedded(folder).await.map_err(OpenError::from)?;
            // It is ours alone, so whoever held a lease is dead.
            store.release_leases().await?;
            Ok(store)
        }
        Database::Postgres { url, connections } => {
            Ok(SqlStore::open_postgres(url, *connections).await.map_err(OpenError::from)?)
        }
    }
}

/// Where groups and names come from.
fn people(settings: &PlatformSettings, client: &PlatformClient) -> People {
    let Some(auth) = settings.auth.clone() else { return People::Told };
    let custom = settings.custom_ids.clone().map(|settings| Box::new(CustomIds::new(settings, client.clone())));
    People::Known { auth: Box::new(AuthService::new(auth, client.clone())), custom }
}

/// A service that takes requests.
pub struct Running {
    app: Arc<App>,
    store: Arc<SqlStore>,
    address: SocketAddr,
    drain_timeout: Duration,
    shutdown: CancellationToken,
    serving: JoinHandle<usize>,
    /// Rounds that end by themselves once they are told.
    rounds: Vec<JoinHandle<()>>,
    /// What is cut off in the end.
    background: Vec<JoinHandle<()>>,
}

/// How long rounds in the background may take to end. What they hold is handed over when its lease ends, so this only
/// spares others the wait.
const ROUNDS_GRACE: Duration = Duration::from_secs(5);

impl Running {
    /// Opens the store, binds and starts to serve.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let registry = config.telemetry.expose_metrics.then(Registry::new);
        let call_metrics = registry.as_ref().filter(|_| config.platform.client_metrics).map(CallMetrics::register);
        let platform = PlatformClient::new(call_metrics).map_err(StartError::Platform)?;
        let breaker_metrics = registry.as_ref().map(BreakerMetrics::register).unwrap_or_default();
        let vendor = VendorClient::new(config.vendor.client().map_err(StartError::Vendor)?, breaker_metrics);
        let store = Arc::new(open(&config.database).await?);
        // Somebody may have seen to what made a room resist.
        store.unpark(Timestamp::now()).await?;
        // Where the records are the platform's, the database keeps the room keeper's journal alone.
        let records: Arc<dyn Store> = match &config.platform.crud {
            Some(settings) => Arc::new(CrudServiceStore::new(settings.clone(), platform.clone(), Arc::clone(&store))),
            None => Arc::clone(&store) as Arc<dyn Store>,
        };
        let app = Arc::new(App::new(config, vendor, records, people(&config.platform, &platform), registry.as_ref()));

        let address = SocketAddr::new(config.http.address, config.http.port);
        let failed = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let shutdown = CancellationToken::new();
        let rounds = {
            let [recovery, retirement, sweeping] = std::array::from_fn(|_| (Arc::clone(&app.keeper), shutdown.clone()));
            vec![
                tokio::spawn(async move { recovery.0.keep_recovering(&recovery.1).await }),
                tokio::spawn(async move { retirement.0.keep_retiring(&retirement.1).await }),
                tokio::spawn(async move { sweeping.0.keep_sweeping(&sweeping.1).await }),
            ]
        };
        let mut background = vec![tokio::spawn(config.branding.clone().push(app.calls.clone()))];
        background.extend(registry.map(|registry| tokio::spawn(async move { registry.run_upkeep().await })));
        let handler = {
            let app = Arc::clone(&app);
            move |request, peer: SocketAddr| http::answer(Arc::clone(&app), request, peer.ip())
        };
        let limits = config.http.limits.clone();
        let drain_timeout = limits.drain_timeout;
        let serving = tokio::spawn(server::serve(listener, limits, shutdown.clone(), handler));
        tracing::info!("Server listening at http://{address}");
        Ok(Self { app, store, address, drain_timeout, shutdown, serving, rounds, background })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells balancers to send no more. Requests are still served.
    pub fn close_soon(&self) {
        self.app.close_soon();
    }

    /// Ends it: no new connections, running requests and changes finish within the drain time-out, the store is closed.
    ///
    /// Returns how many connections and changes had to be cut. What a cut change leaves open, the next start settles.
    pub async fn stop(self) -> usize {
        self.close_soon();
        // One deadline for both: an orchestrator waits for so long and no longer.
        let deadline = Instant::now() + self.drain_timeout;
        self.shutdown.cancel();
        let cut_connections = self.serving.await.unwrap_or_default();
        self.app.tasks.close();
        let finished = tokio::time::timeout_at(deadline, self.app.tasks.wait()).await;
        let cut_changes = if finished.is_ok() { 0 } else { self.app.tasks.len() };
        let given_up = deadline.min(Instant::now() + ROUNDS_GRACE);
        let mut left = self.background;
        for mut round in self.rounds {
            if tokio::time::timeout_at(given_up, &mut round).await.is_err() {
                left.push(round);
            }
        }
        for task in left {
            task.abort();
            // Aborted is what it is asked to be.
            let _ = task.await;
        }
        self.store.close().await;
        cut_connections + cut_changes
    }
}
