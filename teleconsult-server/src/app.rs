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

use crate::api::state::ApiState;
use crate::config::{Config, Database};
use crate::http::Pipeline;
use crate::server;
use crate::store::crud_service::CrudServiceStore;
use crate::store::sql::{OpenError, SqlStore};
use crate::store::{Journal, Store, StoreError};

mod assemble;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database, once open.
    #[error(transparent)]
    Store(#[from] StoreError),
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

/// A service that takes requests.
pub struct Running {
    api: Arc<ApiState>,
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
        let store = Arc::new(open(&config.database).await?);
        // Somebody may have seen to what made a room resist.
        store.unpark(Timestamp::now()).await?;
        // Where the records are the platform's, the database keeps the room keeper's journal alone.
        let records: Arc<dyn Store> = match &config.platform.crud {
            Some(settings) => {
                let client = config.platform.client.clone();
                Arc::new(CrudServiceStore::new(settings.clone(), client, Arc::clone(&store)))
            }
            None => Arc::clone(&store) as Arc<dyn Store>,
        };
        let api = Arc::new(assemble::api_state(config, records));

        let address = SocketAddr::new(config.http.address, config.http.port);
        let failed = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let shutdown = CancellationToken::new();
        let rounds = {
            let [recovery, retirement, sweeping] = std::array::from_fn(|_| (Arc::clone(&api.rooms), shutdown.clone()));
            vec![
                tokio::spawn(async move { recovery.0.keep_recovering(&recovery.1).await }),
                tokio::spawn(async move { retirement.0.keep_retiring(&retirement.1).await }),
                tokio::spawn(async move { sweeping.0.keep_sweeping(&sweeping.1).await }),
            ]
        };
        let metrics = Arc::clone(&api);
        let background = vec![
            tokio::spawn(config.branding.clone().push(api.calls.clone())),
            tokio::spawn(async move {
                if let Some(metrics) = &metrics.metrics {
                    metrics.keep_up().await;
                }
            }),
        ];
        let pipeline = Arc::new(Pipeline::new(Arc::clone(&api), config.http.requests.clone(), api.tasks.clone()));
        let handler = move |request, peer: SocketAddr| {
            let pipeline = Arc::clone(&pipeline);
            async move { pipeline.respond(request, peer.ip()).await }
        };
        let limits = config.http.connections.clone();
        let drain_timeout = limits.drain_timeout;
        let serving = tokio::spawn(server::serve(listener, limits, shutdown.clone(), handler));
        tracing::info!("Server listening at http://{address}");
        Ok(Self { api, store, address, drain_timeout, shutdown, serving, rounds, background })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells balancers to send no more. Requests are still served.
    pub fn close_soon(&self) {
        self.api.close_soon();
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
        self.api.tasks.close();
        let finished = tokio::time::timeout_at(deadline, self.api.tasks.wait()).await;
        let cut_changes = if finished.is_ok() { 0 } else { self.api.tasks.len() };
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
