//! Where and how connections are served.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::reader::Reader;
use crate::http::RequestSettings;
use crate::http::body::BodyLimits;
use crate::server::ConnectionLimits;

/// Where and how connections are served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address to listen on.
    pub address: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// What comes before every path but those under `/-/`; empty or starting with a slash.
    pub prefix: String,
    /// Limits of connections.
    pub connections: ConnectionLimits,
    /// What holds for all requests.
    pub requests: RequestSettings,
    /// How long requests are still accepted after SIGTERM, so that load balancers notice.
    pub wait_before_close: Duration,
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
        connections: connections(reader),
        requests: requests(reader),
        wait_before_close: reader.launcher_wait("WAIT_BEFORE_SERVER_CLOSE_SEC", DEFAULT_WAIT_BEFORE_CLOSE),
    }
}

fn connections(reader: &mut Reader<'_>) -> ConnectionLimits {
    let defaults = ConnectionLimits::default();
    ConnectionLimits {
        connections: reader.count("TELECONSULT_MAX_CONNECTIONS", 1..=1_000_000, defaults.connections),
        header_timeout: reader.seconds("TELECONSULT_HEADER_TIMEOUT_SECONDS", 1..=600, defaults.header_timeout),
        idle_timeout: reader.seconds("TELECONSULT_IDLE_TIMEOUT_SECONDS", 1..=3600, defaults.idle_timeout),
        drain_timeout: reader.seconds("TELECONSULT_DRAIN_TIMEOUT_SECONDS", 0..=600, defaults.drain_timeout),
        ..defaults
    }
}

fn requests(reader: &mut Reader<'_>) -> RequestSettings {
    let defaults = RequestSettings::default();
    let body_timeout = reader.seconds("TELECONSULT_BODY_TIMEOUT_SECONDS", 1..=600, defaults.body.timeout);
    RequestSettings {
        trusted_proxies: reader.networks("TRUSTED_PROXIES").unwrap_or_default(),
        origins: reader.origins("TELECONSULT_ALLOWED_ORIGINS"),
        body: BodyLimits { timeout: body_timeout, ..defaults.body },
        ..defaults
    }
}
