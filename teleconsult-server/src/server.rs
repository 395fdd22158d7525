//! Connections: how many, how slow, and how they end. Knows neither routes nor the vendor.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;

mod accept;
mod idle_timeout;

use accept::Acceptor;
use idle_timeout::{Activity, IdleTimeoutStream};

/// Serves connections until `shutdown`, then lets running requests finish within the drain time-out.
///
/// Returns how many connections had to be cut.
pub async fn serve<H, F, B>(listener: TcpListener, limits: Limits, shutdown: CancellationToken, handler: H) -> usize
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
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

/// How many connections may be open at once. A quarter of the files that the process may have stays for the store, the
/// vendor and the platform: without them, an accepted connection could only be told that nothing works.
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
    limits: Limits,
    shutdown: CancellationToken,
    handler: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    // Small answers must not wait for more data to fill a packet. Failing to say so only costs time.
    let _ = stream.set_nodelay(true);
    let pace = Arc::new(Activity::default());
    let stream = IdleTimeoutStream::new(stream, Arc::clone(&pace), limits.header_timeout, limits.idle_timeout);
    let service = service_fn(move |request| {
        let busy = Activity::busy(&pace);
        let answer = handler(request, peer);
        async move {
            let response = answer.await;
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // `IdleTimeoutStream` tells apart a slow head and an idle connection; this one knows a single limit for both.
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
        // Every browser that goes away ends here, so it is no news.
        tracing::debug!(error = %crate::base::error_chain::chain(&error), "a connection ended early");
    }
}
