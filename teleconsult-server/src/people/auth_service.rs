//! Reads groups and names from the platform's auth service.
//!
//! The route of a single user is not documented, so the plausible ones are requested in turn, and the one that returned a
//! user is requested first from then on. An operator who knows the route sets `TELECONSULT_AUTH_USER_ROUTE`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use crate::base::ttl_cache::TtlCache;
use crate::domain::ids::ExternalId;
use crate::domain::participants::Profile;
use crate::platform::{self, BaseUrl, PlatformClient, UpstreamError};

/// The name of the service in errors.
const SERVICE: &str = "auth service";
/// The placeholder of the id in a route.
pub(crate) const PLACEHOLDER: &str = "{id}";
/// The placeholder inside a JSON string, URL-encoded.
const IN_JSON: &str = "%22{id}%22";
/// The routes that are requested, in this order. The list is filtered by a parameter and by a query, because the versions
/// of the platform's service support different filters.
pub(crate) const ROUTES: [&str; 3] =
    ["/users/{id}", "/users?user_id={id}", "/users?_q=%7B%22user_id%22%3A%22{id}%22%7D"];
/// Everything but the unreserved characters of RFC 3986, which need no encoding in a path or a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How the auth service is called.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// Where it is.
    pub base: BaseUrl,
    /// The routes that may return a user, with `{id}` in place of the id.
    pub routes: Vec<String>,
    /// The header that names the client, because each client has its own users.
    pub client_type_header: HeaderName,
    /// The client to name if the request names none.
    pub default_client_type: Option<HeaderValue>,
    /// How long a response is cached.
    pub fresh: Duration,
}

/// The platform's auth service.
pub struct AuthService {
    settings: AuthSettings,
    client: PlatformClient,
    /// The route that returned a user most recently.
    preferred: AtomicUsize,
    /// By client and id, because each client has its own users.
    known: TtlCache<(Option<HeaderValue>, ExternalId), Profile>,
}

impl AuthService {
    /// Calls the service with this client.
    #[must_use]
    pub fn new(settings: AuthSettings, client: PlatformClient) -> Self {
        let known = TtlCache::new(settings.fresh);
        Self { settings, client, preferred: AtomicUsize::new(0), known }
    }

    /// The profile of the user with this id, if there is one.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn profile(&self, id: &ExternalId) -> Result<Option<Profile>, UpstreamError> {
        let mut headers = platform::current();
        let name = &self.settings.client_type_header;
        if let (false, Some(client_type)) = (headers.contains_key(name), &self.settings.default_client_type) {
            headers.insert(name, client_type.clone());
        }
        let key = (headers.get(name).cloned(), id.clone());
        self.known.get(key, self.request(id, headers)).await
    }

    async fn request(&self, id: &ExternalId, headers: http::HeaderMap) -> Result<Option<Profile>, UpstreamError> {
        let (count, preferred) = (self.settings.routes.len(), self.preferred.load(Ordering::Relaxed));
        for turn in 0..count {
            let index = (preferred + turn) % count;
            let route = &self.settings.routes[index];
            let Some(url) = address(&self.settings.base, route, id.as_str()) else { continue };
            let target = (url, route.as_str());
            let response = match self.client.call(SERVICE, Method::GET, target, headers.clone(), None).await {
                Ok(response) => response,
                // Another route may be supported.
                Err(error) if is_unsupported(&error) => continue,
                Err(error) => return Err(error),
            };
            if let Some(profile) = profile(&response.body, id.as_str()) {
                self.preferred.store(index, Ordering::Relaxed);
                return Ok(Some(profile));
            }
        }
        Ok(None)
    }
}

/// The URL of a route for an id. `None` if the id would change the path: an id read from a shared store may be any string.
fn address(base: &BaseUrl, route: &str, id: &str) -> Option<Url> {
    // URL parsers treat encoded dots like plain ones.
    if matches!(id, "" | "." | "..") {
        return None;
    }
    let quoted = Value::from(id).to_string();
    let written = if route.contains(IN_JSON) { &quoted[1..quoted.len() - 1] } else { id };
    Some(base.with(&route.replace(PLACEHOLDER, &utf8_percent_encode(written, RESERVED).to_string())))
}

fn is_unsupported(error: &UpstreamError) -> bool {
    let statuses = [StatusCode::BAD_REQUEST, StatusCode::METHOD_NOT_ALLOWED, StatusCode::UNPROCESSABLE_ENTITY];
    error.refusal().is_some_and(|(status, _)| statuses.contains(&status))
}

/// The profile of the user with this id in a response: a user, or a list that holds others too if the filter was ignored.
fn profile(body: &Value, id: &str) -> Option<Profile> {
    let is_named = |user: &Value| {
        let ids = ["user_id", "sub", "userId", "id", "_id"].iter().filter_map(|name| user.get(*name)?.as_str());
        ids.into_iter().any(|own| own == id)
    };
    let user = match body {
        Value::Array(users) => users.iter().find(|user| is_named(user))?,
        Value::Object(_) if is_named(body) => body,
        _ => return None,
    };
    let text = |name: &str| user.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let groups = ["/groups", "/app_metadata/groups", "/app_metadata/authorization/groups"];
    Some(Profile {
        groups: groups.iter().find_map(|place| texts(user.pointer(place)?)).unwrap_or_default(),
        full_name: text("name").or_else(|| text("fullName")).or_else(|| text("nickname")).unwrap_or_default(),
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{ROUTES, address, profile};
    use crate::platform::BaseUrl;

    fn read(body: Value) -> Option<(Vec<String>, String)> {
        profile(&body, "auth0|1").map(|profile| (profile.groups, profile.full_name))
    }

    #[test]
    fn groups_and_names_are_found_where_profiles_keep_them() {
        let found = |group: &str, name: &str| Some((vec![group.to_owned()], name.to_owned()));
        let at_top = json!({"sub": "auth0|1", "groups": ["a"], "app_metadata": {"groups": ["b"]}, "name": "N"});
        assert_eq!(read(at_top), found("a", "N"));
        let in_metadata = json!({"user_id": "auth0|1", "app_metadata": {"groups": ["b"]}, "nickname": "k"});
        assert_eq!(read(in_metadata.clone()), found("b", "k"));
        let extension = json!({"user_id": "auth0|1", "app_metadata": {"authorization": {"groups": ["c"]}}, "name": ""});
        assert_eq!(read(extension), found("c", ""));
        assert_eq!(read(json!([{"user_id": "auth0|2", "groups": ["x"]}, in_metadata])), found("b", "k"));
        assert_eq!(read(json!({"user_id": "auth0|1"})), Some((vec![], String::new())));
    }

    #[test]
    fn another_user_is_never_taken_for_the_requested_one() {
        for other in [
            json!([]),
            json!([{"user_id": "auth0|2"}]),
            json!({"user_id": "auth0|2"}),
            json!({"groups": ["a"]}),
            json!(null),
        ] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn no_id_changes_the_rest_of_a_route() {
        let base = BaseUrl::parse("http://auth:81/base").unwrap();
        let [segment, parameter, json] = ROUTES;
        proptest!(|(id in any::<String>())| {
            for route in ROUTES {
                let Some(url) = address(&base, route, &id) else {
                    prop_assert!(["", ".", ".."].contains(&id.as_str()));
                    continue;
                };
                prop_assert_eq!(&url[..url::Position::BeforePath], "http://auth:81");
                prop_assert!(url.fragment().is_none());
                let segments: Vec<_> = url.path_segments().unwrap().map(|one| percent_decode_str(one).decode_utf8().unwrap()).collect();
                let pairs: Vec<_> = url.query_pairs().into_owned().collect();
                if route == segment {
                    prop_assert_eq!((segments, pairs.len()), (vec!["base".into(), "users".into(), id.as_str().into()], 0));
                    continue;
                }
                prop_assert_eq!((segments, pairs.len()), (vec!["base".into(), "users".into()], 1));
                let (name, value) = &pairs[0];
                if route == parameter {
                    prop_assert_eq!((name.as_str(), value), ("user_id", &id));
                } else {
                    prop_assert_eq!((name.as_str(), route), ("_q", json));
                    prop_assert_eq!(serde_json::from_str::<Value>(value).unwrap(), json!({"user_id": id}));
                }
            }
        });
        for nowhere in ["", ".", ".."] {
            assert!(address(&base, segment, nowhere).is_none());
        }
    }
}
