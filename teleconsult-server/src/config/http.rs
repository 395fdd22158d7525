//! Where and how connections are served.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::reader::Reader;
use crate::base::networks::Networks;

/// Where and how connections are served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address to listen on.
    pub address: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// What comes before every path but those under `/-/`; empty or starting with a slash.
    pub prefix: String,
    /// The proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: Networks,
    /// The limits.
    pub limits: Limits,
    /// How long requests are still accepted after SIGTERM, so that load balancers notice.
    pub wait_before_close: Duration,
}

/// What a client may take of the server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Concurrent connections, if the process may have that many files open; more wait in the system's queue.
    pub connections: usize,
    /// Time from the first byte of a head to its end.
    pub header_timeout: Duration,
    /// Time a connection may be idle between requests, and a response may wait for its reader.
    pub idle_timeout: Duration,
    /// Largest head, in bytes.
    pub head_bytes: usize,
    /// Largest JSON body, in bytes.
    pub body_bytes: usize,
    /// Time for a body.
    pub body_timeout: Duration,
    /// Time for a response.
    pub request_timeout: Duration,
    /// Time for running requests after the listener is closed.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Far more than one instance has users.
            connections: 10_000,
            // Enough for a slow mobile network, and little for one who only holds connections.
            header_timeout: Duration::from_secs(10),
            // The predecessor keeps 72 s, and a gateway that reuses connections must not find them closed earlier.
            idle_timeout: Duration::from_secs(75),
            // Properties of a user and cookies travel in headers.
            head_bytes: 32 * 1024,
            // Twenty-five participants with many groups take less than a tenth.
            body_bytes: 256 * 1024,
            body_timeout: Duration::from_secs(10),
            // Above what all vendor calls of one request may take, so that the response is not a gateway's.
            request_timeout: Duration::from_secs(90),
            // What orchestrators usually wait before they kill a process.
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// All interfaces, as in the predecessor: the server runs in a container.
const DEFAULT_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The predecessor's.
const DEFAULT_PORT: u16 = 3000;
/// What the predecessor's launcher waits.
const DEFAULT_WAIT_BEFORE_CLOSE: Duration = Duration::from_secs(10);

pub(super) fn read(reader: &mut Reader<'_>) -> HttpSettings {
    HttpSettings {
        address: reader.address("TELECONSULT_BIND_ADDRESS", DEFAULT_ADDRESS),
        port: reader.port("HTTP_PORT", DEFAULT_PORT),
        prefix: reader.prefix("SERVICE_PREFIX"),
        limits: limits(reader),
        trusted_proxies: reader.networks("TRUSTED_PROXIES").unwrap_or_default(),
        wait_before_close: reader.launcher_wait("WAIT_BEFORE_SERVER_CLOSE_SEC", DEFAULT_WAIT_BEFORE_CLOSE),
    }
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let defaults = Limits::default();
    Limits {
        connections: reader.count("TELECONSULT_MAX_CONNECTIONS", 1..=1_000_000, defaults.connections),
        header_timeout: reader.seconds("TELECONSULT_HEADER_TIMEOUT_SECONDS", 1..=600, defaults.header_timeout),
        idle_timeout: reader.seconds("TELECONSULT_IDLE_TIMEOUT_SECONDS", 1..=3600, defaults.idle_timeout),
        body_timeout: reader.seconds("TELECONSULT_BODY_TIMEOUT_SECONDS", 1..=600, defaults.body_timeout),
        drain_timeout: reader.seconds("TELECONSULT_DRAIN_TIMEOUT_SECONDS", 0..=600, defaults.drain_timeout),
        ..defaults
    }
}
