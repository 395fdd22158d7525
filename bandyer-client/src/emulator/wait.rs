//! Waiting for calls and deliveries, up to a limit.

use std::time::Duration;

use tokio::sync::watch;

/// What a test waited for did not happen in time. Its text lists what happened instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected} did not happen within {} s; {happened}", limit.as_secs_f64())]
#[non_exhaustive]
pub struct NotReached {
    expected: String,
    limit: Duration,
    happened: String,
}

/// Waits until a condition holds, which is looked at after each change.
pub(super) async fn until(
    changes: &watch::Sender<()>,
    limit: Duration,
    is_reached: impl Fn() -> bool + Send + Sync,
    expected: impl FnOnce() -> String + Send,
    happened: impl FnOnce() -> String + Send,
) -> Result<(), NotReached> {
    let mut changes = changes.subscribe();
    let reached = async {
        while !is_reached() {
            // Cannot fail: the caller owns the sender.
            let _ = changes.changed().await;
        }
    };
    let in_time = tokio::time::timeout(limit, reached).await;
    in_time.map_err(|_| NotReached { expected: expected(), limit, happened: happened() })
}

/// The lines of a list, or that there is none.
pub(super) fn listed(kind: &str, lines: &[String]) -> String {
    if lines.is_empty() { format!("there were no {kind}") } else { format!("{kind}:\n  {}", lines.join("\n  ")) }
}
