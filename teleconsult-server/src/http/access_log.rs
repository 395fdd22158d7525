//! The one line that tells of a request: what was asked, what was answered, how long it took. At trace level, another
//! one when it arrives.
//!
//! Never the raw path or query of a known route, a body, or an id of a person.

use std::net::IpAddr;
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode, header};

use crate::api::routes::Route;
use crate::domain::ids::TeleconsultationId;

/// Longest unknown path and longest header value that is logged, in characters.
const MAX_CHARS: usize = 256;

pub(super) struct Seen<'a> {
    pub(super) method: &'a Method,
    pub(super) route: Option<Route>,
    /// The teleconsultation in the path, if it can be one.
    pub(super) id: Option<TeleconsultationId>,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) client: IpAddr,
    pub(super) started: Instant,
}

const FORWARDED_HOST: header::HeaderName = header::HeaderName::from_static("x-forwarded-host");

impl Seen<'_> {
    fn shown_path(&self) -> String {
        self.route.map_or_else(|| shown_path(self.path), |route| route.template().to_owned())
    }

    fn header(&self, name: header::HeaderName) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(cut)
    }

    fn hostname(&self) -> Option<String> {
        Some(self.header(header::HOST)?.split(':').next()?.to_owned())
    }
}

pub(super) fn arrived(seen: &Seen<'_>) {
    tracing::trace!(
        http.request.method = seen.method.as_str(),
        http.request.userAgent.original = seen.header(header::USER_AGENT),
        url.path = seen.shown_path(),
        host.hostname = seen.hostname(),
        // Misspelt in the predecessor's lines too.
        host.forwardedHostame = seen.header(FORWARDED_HOST),
        host.ip = %seen.client,
        "incoming request"
    );
}

pub(super) fn completed(seen: &Seen<'_>, status: StatusCode, body_bytes: Option<u64>, cause: Option<&str>) {
    // Not to be ready is no failure: it is what a planned end begins with, and each probe of it would be a false alarm.
    let failed = status.is_server_error() && seen.route != Some(Route::Ready);
    if seen.route.is_some_and(Route::is_status) && !failed {
        return;
    }
    let response_time = seen.started.elapsed().as_secs_f64() * 1000.0;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                http.request.method = seen.method.as_str(),
                http.request.userAgent.original = seen.header(header::USER_AGENT),
                http.response.statusCode = status.as_u16(),
                http.response.body.bytes = body_bytes,
                url.path = seen.shown_path(),
                url.params.roomId = seen.id.as_ref().map(TeleconsultationId::as_str),
                host.hostname = seen.hostname(),
                host.forwardedHost = seen.header(FORWARDED_HOST),
                host.ip = %seen.client,
                responseTime = response_time,
                cause,
                "request completed"
            )
        };
    }
    if failed { line!(error) } else { line!(info) }
}

/// An unknown path, as far as it is harmless: escaped, cut, without its query.
pub(super) fn shown_path(path: &str) -> String {
    cut(&path.escape_default().to_string())
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}
