//! Takes connections for as long as there is a listener, whatever the system says in between.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

/// Pause after the system refused a connection, usually because the process has too many files open. Trying again at
/// once would keep a core busy until somebody else closes one.
const PAUSE: Duration = Duration::from_millis(100);
/// After how long without a refusal the next one is news again. While there are too many connections, each one that ends
/// lets the next one in and the one after it be refused.
const QUIET: Duration = Duration::from_secs(60);

pub(super) struct Acceptor {
    listener: TcpListener,
    refusals: Refusals,
}

impl Acceptor {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self { listener, refusals: Refusals { last: None } }
    }

    /// The next connection. Errors of a single connection are passed over, the system's are waited out.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    if self.refusals.is_news(Instant::now()) {
                        tracing::error!(error = %error, "connections cannot be accepted; trying again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// When the system refused last, so that a storm of refusals is told once.
struct Refusals {
    last: Option<Instant>,
}

impl Refusals {
    fn is_news(&mut self, now: Instant) -> bool {
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
    fn a_storm_of_refusals_is_news_once_and_the_next_storm_again() {
        let mut refusals = Refusals { last: None };
        let start = Instant::now();
        assert!(refusals.is_news(start));
        // However long it lasts, and whether or not connections got through in between.
        for n in 1..100 {
            assert!(!refusals.is_news(start + n * Duration::from_secs(30)), "{n}");
        }
        let end = start + 99 * Duration::from_secs(30);
        assert!(refusals.is_news(end + QUIET + Duration::from_millis(1)));
    }
}
