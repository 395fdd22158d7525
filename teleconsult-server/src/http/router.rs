//! Which path and method mean what.

use http::Method;
use percent_encoding::percent_decode_str;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The process is alive.
    Healthz,
    /// Requests are welcome.
    Ready,
    /// What the service needs is there.
    CheckUp,
    /// A new teleconsultation.
    Create,
    /// One as its caller sees it.
    View,
    /// A change.
    Change,
    /// To the trash.
    Delete,
    /// One more participant.
    AddParticipant,
    /// An SDK credential.
    IssueCredential,
}

impl Route {
    /// The path with names in place of values, for logs: values may be personal.
    #[must_use]
    pub const fn template(self) -> &'static str {
        match self {
            Self::Healthz => "/-/healthz",
            Self::Ready => "/-/ready",
            Self::CheckUp => "/-/check-up",
            Self::Create => "/teleconsultation",
            Self::View | Self::Change | Self::Delete => "/teleconsultation/:roomId",
            Self::AddParticipant => "/teleconsultation/:roomId/participants/data",
            Self::IssueCredential => "/credentials",
        }
    }

    /// Whether it is one of the platform's status routes, which are logged only when they fail.
    #[must_use]
    pub const fn is_status(self) -> bool {
        matches!(self, Self::Healthz | Self::Ready | Self::CheckUp)
    }

    /// Whether a body is read.
    #[must_use]
    pub const fn takes_body(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::AddParticipant | Self::IssueCredential)
    }

    /// Whether it must be finished even when the caller is gone.
    #[must_use]
    pub const fn has_effects(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Delete | Self::AddParticipant)
    }
}

/// A route and the id in its path, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// What is asked for.
    pub route: Route,
    /// The `:roomId`, whatever the caller wrote there.
    pub id: Option<String>,
}

/// Finds the route. A wrong method is as unknown as a wrong path, which is what the predecessor answers too.
///
/// Segments are decoded one by one, after splitting: an encoded slash stays inside its segment.
#[must_use]
pub fn find(method: &Method, path: &str, prefix: &str) -> Option<Matched> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let plain = |route| Some(Matched { route, id: None });
    match (method, path) {
        (&Method::GET, "/-/healthz") => return plain(Route::Healthz),
        (&Method::GET, "/-/ready") => return plain(Route::Ready),
        (&Method::GET, "/-/check-up") => return plain(Route::CheckUp),
        _ => {}
    }
    let path = path.strip_prefix(prefix)?.strip_prefix('/')?;
    let segments: Vec<&str> = path.split('/').collect();
    let (route, id) = match (method, segments.as_slice()) {
        (&Method::POST, ["teleconsultation"]) => return plain(Route::Create),
        (&Method::POST, ["credentials"]) => return plain(Route::IssueCredential),
        (&Method::GET, ["teleconsultation", id]) => (Route::View, id),
        (&Method::PATCH, ["teleconsultation", id]) => (Route::Change, id),
        (&Method::DELETE, ["teleconsultation", id]) => (Route::Delete, id),
        (&Method::POST, ["teleconsultation", id, "participants", "data"]) => (Route::AddParticipant, id),
        _ => return None,
    };
    let id = percent_decode_str(id).decode_utf8_lossy().into_owned();
    (!id.is_empty()).then_some(Matched { route, id: Some(id) })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Route, find};

    #[test]
    fn paths_and_methods_lead_to_routes() {
        let table = [
            ("POST", "/teleconsultation", Some((Route::Create, None))),
            ("GET", "/teleconsultation/a1", Some((Route::View, Some("a1")))),
            ("HEAD", "/teleconsultation/a1", Some((Route::View, Some("a1")))),
            ("PATCH", "/teleconsultation/a1", Some((Route::Change, Some("a1")))),
            ("DELETE", "/teleconsultation/a1", Some((Route::Delete, Some("a1")))),
            ("POST", "/teleconsultation/a1/participants/data", Some((Route::AddParticipant, Some("a1")))),
            ("POST", "/credentials", Some((Route::IssueCredential, None))),
            ("GET", "/-/healthz", Some((Route::Healthz, None))),
            ("GET", "/teleconsultation/a%2fb", Some((Route::View, Some("a/b")))),
            ("GET", "/teleconsultation/a%7Cb", Some((Route::View, Some("a|b")))),
            ("GET", "/teleconsultation/..", Some((Route::View, Some("..")))),
            ("GET", "/teleconsultation/%ff", Some((Route::View, Some("\u{fffd}")))),
            ("GET", "/-/healthz/", None),
            ("POST", "/-/healthz", None),
            ("GET", "/teleconsultation", None),
            ("POST", "/teleconsultation/", None),
            ("GET", "/teleconsultation/", None),
            ("GET", "/teleconsultation/a1/", None),
            ("GET", "/Teleconsultation/a1", None),
            ("PUT", "/teleconsultation/a1", None),
            ("GET", "//teleconsultation/a1", None),
            ("GET", "/", None),
            ("GET", "", None),
        ];
        for (method, path, expected) in table {
            let found = find(&method.parse::<Method>().unwrap(), path, "");
            let found = found.as_ref().map(|found| (found.route, found.id.as_deref()));
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn the_prefix_is_for_all_but_the_status_routes() {
        assert!(find(&Method::POST, "/api/credentials", "/api").is_some());
        assert!(find(&Method::POST, "/credentials", "/api").is_none());
        assert!(find(&Method::POST, "/apicredentials", "/api").is_none());
        assert!(find(&Method::GET, "/-/ready", "/api").is_some());
    }
}
