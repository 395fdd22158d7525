//! Connections: how many, how slow, and how they end. Knows neither routes nor what is served.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod accept;
mod idle_timeout;

use accept::Acceptor;
pub use idle_timeout::RequestBody;
use idle_timeout::{Activity, IdleTimeoutStream};

/// What a client may take of the server.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Concurrent connections, if the process may have that many files open; more wait in the system's queue.
    pub connections: usize,
    /// Time from the first byte of a head to its end.
    pub header_timeout: Duration,
    /// Time a connection may be idle between requests, and a response may wait for its reader.
    pub idle_timeout: Duration,
    /// Largest head, in bytes.
    pub head_bytes: usize,
    /// Time for running requests after the listener is closed.
    pub drain_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            // Far more than one instance has users.
            connections: 10_000,
            // Enough for a slow mobile network, and little for a client that only holds connections.
            header_timeout: Duration::from_secs(10),
            // The predecessor keeps 72 s, and a gateway that reuses connections must not find them closed earlier.
            idle_timeout: Duration::from_secs(75),
            // Properties of a user and cookies travel in headers.
            head_bytes: 32 * 1024,
            // What orchestrators usually wait before they kill a process.
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves connections until `shutdown`, then lets running requests finish within the drain timeout.
///
/// Returns how many connections had to be cut.
pub async fn serve<H, F, B>(
    listener: TcpListener,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
    handler: H,
) -> usize
where
    H: Fn(Request<RequestBody>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(affordable(limits.connections)));
    let mut acceptor = Acceptor::new(listener);
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        // The permit comes first: beyond the limit, connections wait in the system's queue and cost nothing here.
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, acceptor.next().await)
            } => accepted,
        };
        let (Ok(permit), (stream, peer)) = accepted else { break };
        let connection = connection(stream, peer, limits.clone(), shutdown.clone(), handler.clone());
        let cut = cut.clone();
        connections.spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = connection => {}
                () = cut.cancelled() => {}
            }
        });
    }
    // New connections are refused from here on.
    drop(acceptor);
    connections.close();
    if tokio::time::timeout(limits.drain_timeout, connections.wait()).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    cut.cancel();
    left
}

/// How many connections may be open. A quarter of the files that the process may have stays for the store, the
/// vendor and the platform: without them, an accepted connection could only get errors.
fn affordable(wanted: usize) -> usize {
    let files = crate::telemetry::process::max_open_files().and_then(|files| usize::try_from(files).ok());
    let Some(most) = files.map(|files| (files - files / 4).max(1)).filter(|most| *most < wanted) else { return wanted };
    tracing::warn!(
        wanted,
        served = most,
        "the process may have too few files open for TELECONSULT_MAX_CONNECTIONS; fewer connections are served at once"
    );
    most
}

async fn connection<H, F, B>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
    handler: H,
) where
    H: Fn(Request<RequestBody>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    // Small responses must not wait for more data to fill a packet. A failure only costs time.
    let _ = stream.set_nodelay(true);
    let activity = Arc::new(Activity::default());
    let stream = IdleTimeoutStream::new(stream, Arc::clone(&activity), limits.header_timeout, limits.idle_timeout);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = Activity::busy(&activity);
        let response = handler(request.map(|body| RequestBody::new(body, Arc::clone(&activity))), peer);
        async move {
            let response = response.await;
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // `IdleTimeoutStream` distinguishes a slow head from an idle connection; this one has a single limit for both.
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        // What a connection may take of memory beside its request: hyper's own limit is twelve times the largest head.
        .max_buf_size(2 * limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        // Every browser that goes away ends here, so it is not worth a warning.
        tracing::debug!(error = %crate::base::error_chain::chain(&error), "a connection ended early");
    }
}
