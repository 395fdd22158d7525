//! The routes of both API versions.

use http::Method;

use crate::operations::Operation::{self, *};
use crate::operations::is_parameter;
use crate::types::api_version::ApiVersion;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) version: ApiVersion,
    pub(super) operation: Operation,
    /// Method and path as in the table.
    pub(super) template: &'static str,
    /// The values of the path parameters, decoded.
    ids: Vec<String>,
}

impl Route {
    /// Whether a form-encoded body is accepted as well as JSON.
    pub(super) fn accepts_form_encoding(&self) -> bool {
        self.version == ApiVersion::V1 && self.operation == IssueCredential
    }

    /// The n-th path parameter, or an empty string.
    pub(super) fn id(&self, n: usize) -> &str {
        self.ids.get(n).map_or("", String::as_str)
    }
}

/// Requests that the vendor or its clients also use for an operation.
const ALIASES: &[(ApiVersion, &str, Operation)] = &[
    // The vendor's page shows GET in a sample and POST elsewhere.
    (ApiVersion::V1, "POST /activity", ListActivity),
    (ApiVersion::V1, "POST /hook/configure", ConfigureWebhooks),
    (ApiVersion::V1, "GET /hook", GetActiveWebhooks),
    // A known client misspells the collection.
    (ApiVersion::V2, "GET /rooms/{id}/partecipants", ListParticipants),
    (ApiVersion::V2, "POST /rooms/{id}/partecipants", AddParticipant),
];

/// All requests of an API version, as in the table of operations.
fn table(version: ApiVersion) -> impl Iterator<Item = (&'static str, Operation)> {
    let operations = Operation::ALL.iter().filter_map(move |operation| {
        // The query decides between this and `GetBroadcastLink`.
        let route = operation.route(version).filter(|_| *operation != FastCall)?;
        Some((route.template, *operation))
    });
    let aliases = ALIASES.iter().filter(move |(of, ..)| *of == version);
    operations.chain(aliases.map(|(_, template, operation)| (*template, *operation)))
}

/// Segments are decoded one by one, so an encoded slash is part of an id and never changes the route.
pub(super) fn find(method: &Method, segments: &[String], query: Option<&str>) -> Option<Route> {
    let (first, rest) = segments.split_first()?;
    let version = match first.as_str() {
        "rest" => ApiVersion::V1,
        "v2" => ApiVersion::V2,
        _ => return None,
    };
    let matching = table(version).filter_map(|(template, operation)| {
        let ids = match_template(template, method, rest)?;
        Some(Route { version, operation, template, ids })
    });
    // A literal segment precedes a parameter in the same position: `/session/list` is not the session `list`.
    let route = matching.min_by_key(|route| route.template.split('/').map(is_parameter).collect::<Vec<_>>())?;
    let is_fast_call = route.operation == GetBroadcastLink && !query.unwrap_or_default().contains("broadcast_id=");
    Some(if is_fast_call { Route { operation: FastCall, template: fast_call(), ..route } } else { route })
}

/// The same path as that of a broadcast link; the query decides.
fn fast_call() -> &'static str {
    FastCall.route(ApiVersion::V1).map_or("", |route| route.template)
}

/// The values of the path parameters, if the request matches the template.
fn match_template(template: &str, method: &Method, segments: &[String]) -> Option<Vec<String>> {
    let (template_method, path) = template.split_once(" /")?;
    let mut segments = segments.iter();
    let mut ids = Vec::new();
    if template_method != method.as_str() {
        return None;
    }
    for part in path.split('/') {
        let segment = segments.next()?;
        if is_parameter(part) {
            ids.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(ids)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::Method;

    use super::{ApiVersion, fast_call, find, table};
    use crate::emulator::Operation;

    fn found(method: &str, path: &str, query: Option<&str>) -> Option<(Operation, String)> {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let route = find(&Method::from_bytes(method.as_bytes()).unwrap(), &segments, query)?;
        Some((route.operation, route.ids.join(",")))
    }

    #[test]
    fn every_operation_has_a_route_and_literals_precede_parameters() {
        let versions = [ApiVersion::V1, ApiVersion::V2];
        let reached: HashSet<Operation> = versions.into_iter().flat_map(table).map(|entry| entry.1).collect();
        assert_eq!(reached.len() + 1, Operation::ALL.len(), "all but the fast call");
        assert_eq!(fast_call(), "GET /call/{caller}");
        for (method, path, query, operation, ids) in [
            ("GET", "rest/session/list", None, Operation::ListSessions, ""),
            ("GET", "rest/session/s", None, Operation::GetSession, "s"),
            ("GET", "rest/call/d", Some("broadcast_id=b"), Operation::GetBroadcastLink, "d"),
            ("GET", "rest/call/d", Some("callee=p"), Operation::FastCall, "d"),
            ("GET", "v2/rooms/r/participants/d", None, Operation::GetParticipant, "r,d"),
            ("GET", "rest/v1/hook", None, Operation::GetActiveWebhooks, "v1"),
        ] {
            assert_eq!(found(method, path, query), Some((operation, ids.to_owned())), "{path}");
        }
        for (method, path) in [("GET", "rest"), ("PATCH", "v2/users"), ("GET", "v3/users"), ("GET", "v2/users/a/b")] {
            assert_eq!(found(method, path, None), None);
        }
    }
}
