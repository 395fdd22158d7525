//! Accepts connections for as long as there is a listener, whatever errors the system returns in between.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

/// Pause after the system refused a connection, usually because the process has too many files open. An immediate retry
/// would keep a core busy until another connection closes.
const PAUSE: Duration = Duration::from_millis(100);
/// Time without a refusal after which the next one is logged again. While there are too many connections, each one that
/// ends lets the next one in and the one after it be refused.
const QUIET: Duration = Duration::from_secs(60);

pub(super) struct Acceptor {
    listener: TcpListener,
    refusals: Refusals,
}

impl Acceptor {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self { listener, refusals: Refusals { last: None } }
    }

    /// The next connection. Errors of a single connection are skipped, the system's are waited out.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    if self.refusals.is_first(Instant::now()) {
                        tracing::error!(error = %error, "connections cannot be accepted; trying again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// When the system last refused, so that a storm of refusals is logged once.
struct Refusals {
    last: Option<Instant>,
}

impl Refusals {
    fn is_first(&mut self, now: Instant) -> bool {
        let before = self.last.replace(now);
        before.is_none_or(|before| now.duration_since(before) > QUIET)
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{QUIET, Refusals};

    #[test]
    fn each_storm_of_refusals_is_logged_once() {
        let mut refusals = Refusals { last: None };
        let start = Instant::now();
        assert!(refusals.is_first(start));
        // However long it lasts, and whether or not connections got through in between.
        for n in 1..100 {
            assert!(!refusals.is_first(start + n * Duration::from_secs(30)), "{n}");
        }
        let end = start + 99 * Duration::from_secs(30);
        assert!(refusals.is_first(end + QUIET + Duration::from_millis(1)));
    }
}
