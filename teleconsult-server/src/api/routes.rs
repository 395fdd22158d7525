//! The table of all routes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use super::errors::HandlerError;
use super::openapi::operation::{Context, Operation};
use super::state::ApiState;
use super::{Request, credentials, documentation, metrics, participants, settings, status, teleconsultations};
use super::{transcriptions, uploads};
use crate::domain::ids::TeleconsultationId;
use crate::http::policy::{AccessLog, BodyKind, Effect, HasPolicy, Policy};
use crate::http::response::Response;

/// A route: all that is known of it, so that nothing can be forgotten.
pub struct Route {
    /// The method. HEAD is taken for GET.
    pub method: Method,
    /// Where the path is found when the service has a prefix.
    pub place: Place,
    /// How the pipeline treats its requests. The template of the path is there.
    pub policy: Policy,
    /// Whether a repeated request is recognised.
    pub idempotency: Idempotency,
    /// Who may call.
    pub caller: CallerPolicy,
    /// The description in the OpenAPI document.
    pub(super) documentation: Documentation,
    handler: Handler,
}

/// Where a route is found when the service has a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Under the prefix.
    Prefixed,
    /// Never under the prefix: the platform looks for it at a fixed path.
    Fixed,
    /// At its own path, as with the predecessor, and under the prefix too, so that a gateway lets it through.
    Both,
}

/// Whether a repeated request is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// A repeat creates nothing twice, whatever headers it has.
    NoKey,
    /// A repeat is recognised by its `Idempotency-Key`.
    Key,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerPolicy {
    /// Every caller that the gateway lets through.
    Anyone,
    /// A user that the platform names. Other callers are refused before the handler runs.
    User,
    /// A user that the platform names and the handler finds. A wrong body is reported first.
    KnownUser,
    /// A participant that the handler finds in the teleconsultation of the path.
    Participant,
}

/// The description of a route in the OpenAPI document.
#[derive(Clone, Copy)]
pub(super) enum Documentation {
    /// None: neither programs nor people need one.
    Hidden,
    /// Made by a function beside the handler.
    Shown(fn(&mut Context) -> Operation),
    /// The same, if the route is served.
    ShownIf(fn(&ApiState) -> bool, fn(&mut Context) -> Operation),
}
use Documentation::{Hidden, Shown, ShownIf};

type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, HandlerError>> + Send + 'a>>;
type Handler = for<'a> fn(&'a Arc<ApiState>, &'a Request) -> HandlerFuture<'a>;

/// Makes the table. A row must have every attribute.
macro_rules! routes {
    ($(
        $method:ident $template:literal: $place:ident, body $body:expr, effect $effect:ident, $key:ident,
        caller $caller:ident, log $log:ident => $handler:path, $documentation:expr;
    )+) => {
        /// All routes.
        pub static ROUTES: &[Route] = &[$(
            Route {
                method: Method::$method,
                place: Place::$place,
                policy: Policy {
                    template: $template,
                    body: $body,
                    effect: Effect::$effect,
                    log: AccessLog::$log,
                },
                idempotency: Idempotency::$key,
                caller: CallerPolicy::$caller,
                documentation: $documentation,
                handler: |api, request| Box::pin($handler(api, request)),
            },
        )+];
    };
}

routes! {
    GET "/-/healthz": Fixed, body BodyKind::None, effect None, NoKey, caller Anyone, log Failures
        => status::healthz, Hidden;
    // Not to be ready is an expected state: shutdown begins with it, and an error for each probe would be a false alarm.
    GET "/-/ready": Fixed, body BodyKind::None, effect None, NoKey, caller Anyone, log FailuresButUnavailable
        => status::ready, Hidden;
    GET "/-/check-up": Fixed, body BodyKind::None, effect None, NoKey, caller Anyone, log Failures
        => status::check_up, Hidden;
    POST "/teleconsultation": Prefixed, body BodyKind::Fields, effect Changes, Key, caller Anyone, log All
        => teleconsultations::create, Shown(teleconsultations::create_operation);
    GET "/teleconsultation/:roomId": Prefixed, body BodyKind::None, effect None, NoKey, caller Participant, log All
        => teleconsultations::view, Shown(teleconsultations::view_operation);
    PATCH "/teleconsultation/:roomId": Prefixed, body BodyKind::Fields, effect Changes, NoKey, caller Anyone, log All
        => teleconsultations::change, Shown(teleconsultations::change_operation);
    DELETE "/teleconsultation/:roomId": Prefixed, body BodyKind::None, effect Changes, NoKey, caller Anyone, log All
        => teleconsultations::delete, Shown(teleconsultations::delete_operation);
    POST "/teleconsultation/:roomId/participants/data": Prefixed, body BodyKind::Fields, effect Changes, Key, caller Anyone, log All
        => participants::add, Shown(participants::add_operation);
    DELETE "/teleconsultation/:roomId/uploads": Prefixed, body BodyKind::None, effect Changes, NoKey, caller Anyone, log All
        => uploads::delete, Shown(uploads::delete_operation);
    POST "/credentials": Prefixed, body BodyKind::Fields, effect Changes, NoKey, caller KnownUser, log All
        => credentials::issue, Shown(credentials::issue_operation);
    POST "/settings/background-image": Prefixed, body BodyKind::File(&settings::BACKGROUND_FORM), effect Changes, NoKey, caller User, log All
        => settings::add_background, Shown(settings::add_background_operation);
    PATCH "/settings/update": Prefixed, body BodyKind::Fields, effect Changes, NoKey, caller User, log All
        => settings::update, Shown(settings::update_operation);
    GET "/transcription/:roomId/:sessionId": Prefixed, body BodyKind::None, effect None, NoKey, caller Participant, log All
        => transcriptions::show, Shown(transcriptions::show_operation);
    GET "/-/metrics": Fixed, body BodyKind::None, effect None, NoKey, caller Anyone, log Failures
        => metrics::show, ShownIf(metrics::are_exposed, metrics::show_operation);
    GET "/documentation/json": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::json, Hidden;
    GET "/documentation/yaml": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::yaml, Hidden;
    GET "/documentation/": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::page, Hidden;
    GET "/documentation/page.css": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::style, Hidden;
    GET "/documentation/page.js": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::script, Hidden;
    // As people type it.
    GET "/documentation": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::without_slash, Hidden;
    // Where the predecessor's documentation was.
    GET "/documentation/static/index.html": Both, body BodyKind::None, effect None, NoKey, caller Anyone, log All
        => documentation::predecessors_page, Hidden;
}

impl Route {
    /// The path with names in place of values.
    #[must_use]
    pub const fn template(&self) -> &'static str {
        self.policy.template
    }

    /// The path with names in place of values, as it is with this prefix.
    #[must_use]
    pub fn template_under(&self, prefix: &str) -> String {
        match self.place {
            Place::Prefixed => format!("{prefix}{}", self.template()),
            Place::Fixed | Place::Both => self.template().to_owned(),
        }
    }

    /// Whether the OpenAPI document describes it.
    #[must_use]
    pub const fn is_documented(&self) -> bool {
        !matches!(self.documentation, Hidden)
    }

    pub(super) fn handle<'a>(&self, api: &'a Arc<ApiState>, request: &'a Request) -> HandlerFuture<'a> {
        (self.handler)(api, request)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template())
    }
}

/// A route and the values in the path, decoded.
#[derive(Debug)]
pub struct Target {
    /// The route.
    pub route: &'static Route,
    /// The `:roomId`.
    pub room_id: Option<RoomIdParam>,
    /// The `:sessionId`, whatever the caller wrote there.
    pub session_id: Option<String>,
}

/// The `:roomId` of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomIdParam {
    /// One that a teleconsultation may have.
    Valid(TeleconsultationId),
    /// A text that is no such id.
    Invalid(String),
}

impl RoomIdParam {
    fn parse(text: String) -> Self {
        TeleconsultationId::parse(&text).map_or(Self::Invalid(text), Self::Valid)
    }

    /// The id as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Valid(id) => id.as_str(),
            Self::Invalid(text) => text,
        }
    }
}

impl Target {
    /// The teleconsultation in the path, if it can be one.
    #[must_use]
    pub const fn teleconsultation(&self) -> Option<&TeleconsultationId> {
        match &self.room_id {
            Some(RoomIdParam::Valid(id)) => Some(id),
            Some(RoomIdParam::Invalid(_)) | None => None,
        }
    }

    /// The `:roomId` as the caller wrote it; empty where the path has none.
    #[must_use]
    pub fn raw_room_id(&self) -> &str {
        self.room_id.as_ref().map_or("", RoomIdParam::as_str)
    }
}

/// The method and the path as the predecessor's sentences name them.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.route.method, self.route.template().replace(":roomId", self.raw_room_id()))
    }
}

impl HasPolicy for Target {
    fn policy(&self) -> &Policy {
        &self.route.policy
    }

    fn room_id(&self) -> Option<&str> {
        self.teleconsultation().map(TeleconsultationId::as_str)
    }
}

/// Finds the route. A wrong method is as unknown as a wrong path, as with the predecessor.
///
/// Segments are decoded one by one, after splitting: an encoded slash stays inside its segment.
#[must_use]
pub fn find(method: &Method, path: &str, prefix: &str) -> Option<Target> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let prefixed = path.strip_prefix(prefix);
    ROUTES.iter().filter(|route| route.method == *method).find_map(|route| {
        let candidates = match route.place {
            Place::Prefixed => [prefixed, None],
            Place::Fixed => [Some(path), None],
            Place::Both => [prefixed, Some(path)],
        };
        let values = candidates.into_iter().flatten().find_map(|path| captured(route.template(), path))?;
        let mut values = values.into_iter().map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned());
        Some(Target { route, room_id: values.next().map(RoomIdParam::parse), session_id: values.next() })
    })
}

/// The values that a path has in place of the names, if it is of this form.
fn captured<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (Some(name), Some(value)) if name.starts_with(':') && !value.is_empty() => ids.push(value),
            (Some(segment), Some(same)) if segment == same => {}
            (None, None) => return Some(ids),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
    use proptest::prelude::*;

    use super::{RoomIdParam, find};

    #[test]
    fn an_encoded_id_is_matched_whole_and_never_across_a_slash() {
        let id = any::<String>().boxed().prop_union("([./%?#\\\\]|%2[fF]|uploads){1,6}".boxed());
        proptest!(|(id in id.prop_filter("an id", |id| !id.is_empty()))| {
            let encoded = utf8_percent_encode(&id, NON_ALPHANUMERIC);
            for (method, rest) in
                [(Method::GET, ""), (Method::DELETE, ""), (Method::DELETE, "/uploads"), (Method::POST, "/participants/data")]
            {
                let found = find(&method, &format!("/teleconsultation/{encoded}{rest}"), "").unwrap();
                let template = format!("/teleconsultation/:roomId{rest}");
                prop_assert_eq!((&found.route.method, found.route.template()), (&method, template.as_str()));
                prop_assert_eq!(found.raw_room_id(), id.as_str());
            }
        });
        // Whatever path is sent as it is: what is captured is exactly one of its segments.
        proptest!(|(rest in "(/|%2[fF]|%2e|[.a]|uploads|participants|data|\\\\){0,8}")| {
            for method in [Method::GET, Method::PATCH, Method::DELETE, Method::POST] {
                let path = format!("/teleconsultation/{rest}");
                let Some(found) = find(&method, &path, "") else { continue };
                let segments: Vec<&str> = path.split('/').collect();
                prop_assert_eq!(segments.len(), found.route.template().split('/').count());
                let id = percent_decode_str(segments[2]).decode_utf8_lossy();
                prop_assert_eq!(found.room_id.as_ref().map(RoomIdParam::as_str), Some(&*id));
            }
        });
    }

    #[test]
    fn paths_and_methods_lead_to_routes() {
        let table = [
            ("POST", "/teleconsultation", Some(("/teleconsultation", None))),
            ("GET", "/teleconsultation/a1", Some(("/teleconsultation/:roomId", Some("a1")))),
            ("HEAD", "/teleconsultation/a1", Some(("/teleconsultation/:roomId", Some("a1")))),
            ("PATCH", "/teleconsultation/a1", Some(("/teleconsultation/:roomId", Some("a1")))),
            ("DELETE", "/teleconsultation/a1", Some(("/teleconsultation/:roomId", Some("a1")))),
            (
                "POST",
                "/teleconsultation/a1/participants/data",
                Some(("/teleconsultation/:roomId/participants/data", Some("a1"))),
            ),
            ("DELETE", "/teleconsultation/a1/uploads", Some(("/teleconsultation/:roomId/uploads", Some("a1")))),
            ("GET", "/transcription/a1/session_1", Some(("/transcription/:roomId/:sessionId", Some("a1")))),
            ("GET", "/transcription/a1", None),
            ("POST", "/settings/background-image", Some(("/settings/background-image", None))),
            ("PATCH", "/settings/update", Some(("/settings/update", None))),
            ("POST", "/credentials", Some(("/credentials", None))),
            ("GET", "/-/healthz", Some(("/-/healthz", None))),
            ("GET", "/teleconsultation/a%2fb", Some(("/teleconsultation/:roomId", Some("a/b")))),
            ("GET", "/teleconsultation/a%7Cb", Some(("/teleconsultation/:roomId", Some("a|b")))),
            ("GET", "/teleconsultation/..", Some(("/teleconsultation/:roomId", Some("..")))),
            ("GET", "/teleconsultation/%ff", Some(("/teleconsultation/:roomId", Some("\u{fffd}")))),
            ("GET", "/-/metrics", Some(("/-/metrics", None))),
            ("GET", "/documentation", Some(("/documentation", None))),
            ("GET", "/documentation/", Some(("/documentation/", None))),
            ("GET", "/documentation/json", Some(("/documentation/json", None))),
            ("GET", "/documentation/json/", None),
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
            let found = found.as_ref().map(|found| {
                let method = if method == "HEAD" { "GET" } else { method };
                assert_eq!(found.route.method, method, "{path}");
                (found.route.template(), found.room_id.as_ref().map(RoomIdParam::as_str))
            });
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn the_prefix_is_for_all_but_the_status_routes() {
        assert!(find(&Method::POST, "/api/credentials", "/api").is_some());
        assert!(find(&Method::POST, "/credentials", "/api").is_none());
        assert!(find(&Method::POST, "/apicredentials", "/api").is_none());
        assert!(find(&Method::GET, "/-/ready", "/api").is_some());
        assert!(find(&Method::GET, "/-/metrics", "/api").is_some());
        assert!(find(&Method::GET, "/api/-/metrics", "/api").is_none());
    }

    #[test]
    fn the_documentation_is_under_the_prefix_and_without_it() {
        for path in ["/api/documentation/", "/documentation/"] {
            let template = find(&Method::GET, path, "/api").map(|found| found.route.template());
            assert_eq!(template, Some("/documentation/"));
        }
    }
}
