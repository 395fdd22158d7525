//! Which path and method mean what.

use http::Method;
use percent_encoding::percent_decode_str;

/// The table of all routes: method, and path with names in place of values.
macro_rules! routes {
    ($( $(#[$docs:meta])* $name:ident = $method:ident $template:literal, )+) => {
        /// What a request asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Route {
            $( $(#[$docs])* $name, )+
        }

        impl Route {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The method. HEAD is taken for GET.
            #[must_use]
            pub const fn method(self) -> Method {
                match self {
                    $(Self::$name => Method::$method,)+
                }
            }

            /// The path with names in place of values, for logs and metrics: values may be personal.
            #[must_use]
            pub const fn template(self) -> &'static str {
                match self {
                    $(Self::$name => $template,)+
                }
            }
        }
    };
}

routes! {
    /// The process is alive.
    Healthz = GET "/-/healthz",
    /// Requests are welcome.
    Ready = GET "/-/ready",
    /// What the service needs is there.
    CheckUp = GET "/-/check-up",
    /// A new teleconsultation.
    Create = POST "/teleconsultation",
    /// One as its caller sees it.
    View = GET "/teleconsultation/:roomId",
    /// A change.
    Change = PATCH "/teleconsultation/:roomId",
    /// To the trash.
    Delete = DELETE "/teleconsultation/:roomId",
    /// One more participant.
    AddParticipant = POST "/teleconsultation/:roomId/participants/data",
    /// The files that were sent in its calls.
    DeleteUploads = DELETE "/teleconsultation/:roomId/uploads",
    /// An SDK credential.
    IssueCredential = POST "/credentials",
    /// A background picture for the company.
    AddBackground = POST "/settings/background-image",
    /// Which background picture the company uses.
    ChangeSettings = PATCH "/settings/update",
    /// What was said in one of its calls.
    Transcription = GET "/transcription/:roomId/:sessionId",
    /// How much was done, and how long it took.
    Metrics = GET "/-/metrics",
    /// The description of all this, for programs.
    DescriptionJson = GET "/documentation/json",
    /// The same, in the other notation.
    DescriptionYaml = GET "/documentation/yaml",
    /// The same, for people.
    Documentation = GET "/documentation/",
    /// How the documentation looks.
    DocumentationStyle = GET "/documentation/page.css",
    /// What brings it to life.
    DocumentationScript = GET "/documentation/page.js",
    /// The documentation, as people type it.
    DocumentationWithoutSlash = GET "/documentation",
    /// Where the predecessor's documentation was.
    DocumentationOfOld = GET "/documentation/static/index.html",
}

/// Where a route is found when the service has a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Under the prefix.
    Prefixed,
    /// Never under the prefix: the platform looks for it at a fixed path.
    Fixed,
    /// At its own path, as with the predecessor, and under the prefix too, so that a gateway lets it through.
    Both,
}

impl Route {
    const fn place(self) -> Place {
        match self {
            Self::Healthz | Self::Ready | Self::CheckUp | Self::Metrics => Place::Fixed,
            Self::DescriptionJson
            | Self::DescriptionYaml
            | Self::Documentation
            | Self::DocumentationStyle
            | Self::DocumentationScript
            | Self::DocumentationWithoutSlash
            | Self::DocumentationOfOld => Place::Both,
            _ => Place::Prefixed,
        }
    }

    /// The path with names in place of values, as it is with this prefix.
    #[must_use]
    pub fn template_under(self, prefix: &str) -> String {
        match self.place() {
            Place::Prefixed => format!("{prefix}{}", self.template()),
            Place::Fixed | Place::Both => self.template().to_owned(),
        }
    }

    /// Whether it is one of the platform's status routes, which are logged only when they fail.
    #[must_use]
    pub const fn is_status(self) -> bool {
        matches!(self, Self::Healthz | Self::Ready | Self::CheckUp | Self::Metrics)
    }

    /// Which body is read.
    #[must_use]
    pub const fn body(self) -> BodyKind {
        match self {
            Self::Create | Self::Change | Self::AddParticipant | Self::IssueCredential | Self::ChangeSettings => {
                BodyKind::Fields
            }
            Self::AddBackground => BodyKind::Picture,
            _ => BodyKind::None,
        }
    }

    /// Whether an `Idempotency-Key` is heeded: where a repeat would make something twice.
    #[must_use]
    pub const fn takes_key(self) -> bool {
        matches!(self, Self::Create | Self::AddParticipant)
    }

    /// Whether it must be finished even when the caller is gone.
    #[must_use]
    pub const fn has_effects(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Change
                | Self::Delete
                | Self::AddParticipant
                | Self::DeleteUploads
                | Self::AddBackground
                | Self::ChangeSettings
        )
    }
}

/// Which body a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// None.
    None,
    /// JSON, or the fields of a form.
    Fields,
    /// A form with a picture.
    Picture,
}

/// A route and the ids in its path, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// What is asked for.
    pub route: Route,
    /// The `:roomId`, whatever the caller wrote there.
    pub id: Option<String>,
    /// The `:sessionId`, likewise.
    pub session: Option<String>,
}

/// Finds the route. A wrong method is as unknown as a wrong path, which is what the predecessor answers too.
///
/// Segments are decoded one by one, after splitting: an encoded slash stays inside its segment.
#[must_use]
pub fn find(method: &Method, path: &str, prefix: &str) -> Option<Matched> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let own_path = path.strip_prefix(prefix);
    Route::ALL.iter().copied().filter(|route| route.method() == *method).find_map(|route| {
        let ids = match route.place() {
            Place::Prefixed => captured(route.template(), own_path?)?,
            Place::Fixed => captured(route.template(), path)?,
            Place::Both => {
                [own_path, Some(path)].into_iter().flatten().find_map(|path| captured(route.template(), path))?
            }
        };
        let mut ids = ids.into_iter().map(|id| percent_decode_str(id).decode_utf8_lossy().into_owned());
        Some(Matched { route, id: ids.next(), session: ids.next() })
    })
}

/// Whether a path is of this form, and the values that it has in place of the names.
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

    use super::{Route, find};

    #[test]
    fn an_encoded_id_is_found_whole_whatever_it_holds_and_never_across_a_slash() {
        let id = any::<String>().boxed().prop_union("([./%?#\\\\]|%2[fF]|uploads){1,6}".boxed());
        proptest!(|(id in id.prop_filter("an id", |id| !id.is_empty()))| {
            let encoded = utf8_percent_encode(&id, NON_ALPHANUMERIC);
            for (method, rest, route) in [
                (Method::GET, "", Route::View),
                (Method::DELETE, "", Route::Delete),
                (Method::DELETE, "/uploads", Route::DeleteUploads),
                (Method::POST, "/participants/data", Route::AddParticipant),
            ] {
                let found = find(&method, &format!("/teleconsultation/{encoded}{rest}"), "").unwrap();
                prop_assert_eq!((found.route, found.id.as_deref()), (route, Some(id.as_str())));
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
                prop_assert_eq!(found.id.as_deref(), Some(&*id));
            }
        });
    }

    #[test]
    fn paths_and_methods_lead_to_routes() {
        let table = [
            ("POST", "/teleconsultation", Some((Route::Create, None))),
            ("GET", "/teleconsultation/a1", Some((Route::View, Some("a1")))),
            ("HEAD", "/teleconsultation/a1", Some((Route::View, Some("a1")))),
            ("PATCH", "/teleconsultation/a1", Some((Route::Change, Some("a1")))),
            ("DELETE", "/teleconsultation/a1", Some((Route::Delete, Some("a1")))),
            ("POST", "/teleconsultation/a1/participants/data", Some((Route::AddParticipant, Some("a1")))),
            ("DELETE", "/teleconsultation/a1/uploads", Some((Route::DeleteUploads, Some("a1")))),
            ("GET", "/transcription/a1/session_1", Some((Route::Transcription, Some("a1")))),
            ("GET", "/transcription/a1", None),
            ("POST", "/settings/background-image", Some((Route::AddBackground, None))),
            ("PATCH", "/settings/update", Some((Route::ChangeSettings, None))),
            ("POST", "/credentials", Some((Route::IssueCredential, None))),
            ("GET", "/-/healthz", Some((Route::Healthz, None))),
            ("GET", "/teleconsultation/a%2fb", Some((Route::View, Some("a/b")))),
            ("GET", "/teleconsultation/a%7Cb", Some((Route::View, Some("a|b")))),
            ("GET", "/teleconsultation/..", Some((Route::View, Some("..")))),
            ("GET", "/teleconsultation/%ff", Some((Route::View, Some("\u{fffd}")))),
            ("GET", "/-/metrics", Some((Route::Metrics, None))),
            ("GET", "/documentation", Some((Route::DocumentationWithoutSlash, None))),
            ("GET", "/documentation/", Some((Route::Documentation, None))),
            ("GET", "/documentation/json", Some((Route::DescriptionJson, None))),
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
        assert!(find(&Method::GET, "/-/metrics", "/api").is_some());
        assert!(find(&Method::GET, "/api/-/metrics", "/api").is_none());
    }

    #[test]
    fn the_documentation_is_under_the_prefix_and_without_it() {
        for path in ["/api/documentation/", "/documentation/"] {
            assert_eq!(find(&Method::GET, path, "/api").map(|found| found.route), Some(Route::Documentation));
        }
    }
}
