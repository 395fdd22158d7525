//! The platform's services: which are used, where they are, and which headers are forwarded to them.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use jiff::SignedDuration;
use url::Url;

use super::file::CustomUserId;
use super::reader::Reader;
use crate::people::auth_service::{AuthSettings, PLACEHOLDER, ROUTES};
use crate::people::custom_id::CustomIdSettings;
use crate::platform::{BaseUrl, CALL_TIMEOUT, Forwarding, PlatformClient};
use crate::store::crud_service::CrudSettings;

/// The platform's services.
#[derive(Debug, Clone)]
pub struct PlatformSettings {
    /// Whether the durations of their calls are recorded (`ENABLE_HTTP_CLIENT_METRICS`).
    pub client_metrics: bool,
    /// The CRUD Service, if it keeps the records.
    pub crud: Option<CrudSettings>,
    /// The auth service, if groups and names come from it.
    pub auth: Option<AuthSettings>,
    /// The users collection that translates the ids of callers, if there is one.
    pub custom_ids: Option<CustomIdSettings>,
    /// Which headers are forwarded to them.
    pub forwarding: Forwarding,
}

/// Longer than the calls of one write take: two attempts to write, each followed by a read.
const DEFAULT_WRITE_GRACE: Duration = Duration::from_secs(6 * CALL_TIMEOUT.as_secs());
/// The address that the predecessor calls by default.
const DEFAULT_CRUD_SERVICE: &str = "http://crud-service";
/// Long enough for the requests of one consultation, short enough for a person who was just added to a group.
const DEFAULT_AUTH_CACHE: Duration = Duration::from_secs(30);
/// The platform's headers.
const DEFAULT_CLIENT_TYPE_HEADER: HeaderName = HeaderName::from_static("client-type");
const DEFAULT_GROUPS_HEADER: HeaderName = HeaderName::from_static("miausergroups");
const DEFAULT_PROPERTIES_HEADER: HeaderName = HeaderName::from_static("miauserproperties");
const DEFAULT_BACKOFFICE_HEADER: HeaderName = HeaderName::from_static("isbackoffice");
/// Headers that belong to one connection or one message.
const NEVER_FORWARDED: [HeaderName; 8] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    // The client does not decode compressed responses.
    header::ACCEPT_ENCODING,
];

pub(super) fn read(reader: &mut Reader<'_>, user_id: &HeaderName, custom_user_id: CustomUserId) -> PlatformSettings {
    let client_type = reader.header("CLIENTTYPE_HEADER_KEY", DEFAULT_CLIENT_TYPE_HEADER);
    let auth = auth(reader, &client_type);
    let custom_ids = custom_ids(reader, auth.as_ref(), custom_user_id);
    let crud = crud(reader, auth.is_none());
    let enabled = auth.is_some() || crud.is_some();
    let forwarding = forwarding(reader, user_id, client_type, enabled);
    let client_metrics = reader.boolean("ENABLE_HTTP_CLIENT_METRICS", false);
    if PlatformClient::new(None).is_err() {
        reader.problem("AUTH_SERVICE", "and CRUD_SERVICE_URL cannot be called: TLS cannot be set up");
    }
    PlatformSettings { client_metrics, crud, auth, custom_ids, forwarding }
}

fn base(reader: &mut Reader<'_>, name: &str, text: &str) -> Option<BaseUrl> {
    BaseUrl::parse(text).map_err(|reason| reader.problem(name, reason)).ok()
}

fn auth(reader: &mut Reader<'_>, client_type_header: &HeaderName) -> Option<AuthSettings> {
    let default_client_type = reader.text("DEFAULT_CLIENT_TYPE").and_then(|text| {
        let value = HeaderValue::from_str(&text);
        value.map_err(|_| reader.problem("DEFAULT_CLIENT_TYPE", "must be the value of a header")).ok()
    });
    let routes = match reader.text("TELECONSULT_AUTH_USER_ROUTE") {
        Some(route) => {
            if !route.starts_with('/') || !route.contains(PLACEHOLDER) {
                reader.problem("TELECONSULT_AUTH_USER_ROUTE", "must start with a slash and hold {id}, as /users/{id}");
            }
            vec![route]
        }
        None => ROUTES.map(str::to_owned).to_vec(),
    };
    let fresh = reader.seconds("TELECONSULT_AUTH_CACHE_SECONDS", 0..=3600, DEFAULT_AUTH_CACHE);
    let service = reader.text("AUTH_SERVICE")?;
    Some(AuthSettings {
        base: base(reader, "AUTH_SERVICE", &service)?,
        routes,
        client_type_header: client_type_header.clone(),
        default_client_type,
        fresh,
    })
}

fn custom_ids(reader: &mut Reader<'_>, auth: Option<&AuthSettings>, fields: CustomUserId) -> Option<CustomIdSettings> {
    const NAME: &str = "CUSTOM_ID_USERS_API_ENDPOINT";
    let text = reader.text(NAME)?;
    if reader.text("AUTH_SERVICE").is_none() {
        reader.warning(format!("{NAME} has no effect without AUTH_SERVICE"));
        return None;
    }
    base(reader, NAME, &text)?;
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    let mut endpoint = Url::parse(&text).ok()?;
    if !endpoint.path().ends_with('/') {
        endpoint.set_path(&format!("{}/", endpoint.path()));
    }
    let fresh = auth?.fresh;
    Some(CustomIdSettings { endpoint, source: fields.source, target: fields.target, fresh })
}

/// Any of these variables means that the CRUD Service keeps the records: a deployment that relies on the default address
/// names the collections only.
fn crud(reader: &mut Reader<'_>, store_profiles: bool) -> Option<CrudSettings> {
    let [url, host] = ["CRUD_SERVICE_URL", "CRUD_SERVICE"].map(|name| reader.text(name).map(|text| (name, text)));
    let records = reader.text("TELECONSULTATIONS_CRUD_NAME");
    let people = reader.text("USER_ID_MAP_CRUD_NAME").or_else(|| reader.text("USER_MAP_ID_CRUD_NAME"));
    let write_empty_room = reader.boolean("CRUD_EMPTY_ROOM_ID", false);
    let write_grace = reader.seconds("TELECONSULT_CRUD_WRITE_GRACE_SECONDS", 1..=3600, DEFAULT_WRITE_GRACE);
    let write_grace = SignedDuration::try_from(write_grace).unwrap_or(SignedDuration::MAX);
    if url.is_none() && host.is_none() && records.is_none() && people.is_none() {
        return None;
    }
    let records = collection(reader, "TELECONSULTATIONS_CRUD_NAME", records);
    let people = collection(reader, "USER_ID_MAP_CRUD_NAME", people);
    if records.is_some() && records == people {
        let message = "must differ from TELECONSULTATIONS_CRUD_NAME, because the collections hold different documents";
        reader.problem("USER_ID_MAP_CRUD_NAME", message);
    }
    let (name, text) = url.or(host).unwrap_or(("CRUD_SERVICE_URL", DEFAULT_CRUD_SERVICE.to_owned()));
    let base = base(reader, name, &text)?;
    Some(CrudSettings { base, records: records?, people: people?, store_profiles, write_empty_room, write_grace })
}

fn collection(reader: &mut Reader<'_>, name: &str, given: Option<String>) -> Option<String> {
    let Some(given) = given else {
        reader.problem(name, "must be set, because the records are kept in the CRUD Service");
        return None;
    };
    let collection = given.trim_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if collection.is_empty() || collection.starts_with('.') || !collection.bytes().all(is_plain) {
        reader.problem(name, "must be the name of a collection: letters, digits, - and _");
        return None;
    }
    Some(collection.to_owned())
}

fn forwarding(reader: &mut Reader<'_>, user_id: &HeaderName, client_type: HeaderName, enabled: bool) -> Forwarding {
    let groups = reader.header("GROUPS_HEADER_KEY", DEFAULT_GROUPS_HEADER);
    let properties = reader.header("USER_PROPERTIES_HEADER_KEY", DEFAULT_PROPERTIES_HEADER);
    let backoffice = reader.header("BACKOFFICE_HEADER_KEY", DEFAULT_BACKOFFICE_HEADER);
    let mut names = vec![user_id.clone(), groups, properties, client_type];
    names.extend(Forwarding::ALWAYS.map(HeaderName::from_static));
    let more = reader.text("ADDITIONAL_HEADERS_TO_PROXY").unwrap_or_default();
    for name in more.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name.parse::<HeaderName>() {
            Ok(name) if NEVER_FORWARDED.contains(&name) => {
                reader.warning(format!(
                    "ADDITIONAL_HEADERS_TO_PROXY: {name} belongs to one connection and is not forwarded"
                ));
            }
            Ok(name) => names.push(name),
            Err(_) => reader.problem("ADDITIONAL_HEADERS_TO_PROXY", "must be names of headers, separated by commas"),
        }
    }
    // Its value is not forwarded, so it is not in the list.
    names.retain(|name| *name != backoffice);
    names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Forwarding { names, user_id: user_id.clone(), backoffice, enabled }
}

#[cfg(test)]
mod tests {
    use super::PlatformSettings;
    use crate::config::file::CustomUserId;
    use crate::config::reader::Reader;

    fn read(pairs: &[(&str, &str)]) -> (PlatformSettings, Vec<String>, Vec<String>) {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut reader = Reader::new(&lookup);
        let user = http::HeaderName::from_static("miauserid");
        let settings = super::read(&mut reader, &user, CustomUserId::default());
        let (warnings, problems) = reader.found();
        (settings, warnings, problems)
    }

    const COLLECTIONS: [(&str, &str); 2] =
        [("TELECONSULTATIONS_CRUD_NAME", "/teleconsultations/"), ("USER_ID_MAP_CRUD_NAME", "teleconsultations_users")];

    #[test]
    fn the_url_wins_over_the_host_and_the_default_address() {
        let url = |more: &[(&str, &str)]| {
            let (settings, _, problems) = read(&[&COLLECTIONS[..], more].concat());
            assert!(problems.is_empty(), "{problems:?}");
            let crud = settings.crud.unwrap();
            crud.base.below(&[&crud.records, ""]).to_string()
        };
        let [own, host] = [("CRUD_SERVICE_URL", "http://own:81/base"), ("CRUD_SERVICE", "crud:82")];
        assert_eq!(url(&[]), "http://crud-service/teleconsultations/");
        assert_eq!(url(&[host]), "http://crud:82/teleconsultations/");
        assert_eq!(url(&[own, host]), "http://own:81/base/teleconsultations/");
        assert!(read(&[]).0.crud.is_none());
    }

    #[test]
    fn what_is_missing_or_wrong_is_reported_by_name() {
        let (_, _, problems) = read(&[
            ("CRUD_SERVICE", "u:canary@h"),
            ("TELECONSULTATIONS_CRUD_NAME", "a/canary"),
            ("AUTH_SERVICE", "a canary"),
            ("CUSTOM_ID_USERS_API_ENDPOINT", "a canary"),
            ("TELECONSULT_AUTH_USER_ROUTE", "canary"),
            ("DEFAULT_CLIENT_TYPE", "a\ncanary"),
            ("ADDITIONAL_HEADERS_TO_PROXY", "cookie, a canary"),
            ("GROUPS_HEADER_KEY", "a canary"),
        ]);
        let mut names: Vec<&str> = problems.iter().filter_map(|problem| problem.split(' ').next()).collect();
        names.sort_unstable();
        let expected = [
            "ADDITIONAL_HEADERS_TO_PROXY",
            "AUTH_SERVICE",
            "CRUD_SERVICE",
            "CUSTOM_ID_USERS_API_ENDPOINT",
            "DEFAULT_CLIENT_TYPE",
            "GROUPS_HEADER_KEY",
            "TELECONSULTATIONS_CRUD_NAME",
            "TELECONSULT_AUTH_USER_ROUTE",
            "USER_ID_MAP_CRUD_NAME",
        ];
        assert_eq!(names, expected);
        assert!(!problems.iter().any(|problem| problem.contains("canary")), "{problems:?}");
    }

    #[test]
    fn one_collection_cannot_hold_records_and_people() {
        let (_, _, problems) =
            read(&[("TELECONSULTATIONS_CRUD_NAME", "/records/"), ("USER_ID_MAP_CRUD_NAME", "records")]);
        assert!(problems.len() == 1 && problems[0].starts_with("USER_ID_MAP_CRUD_NAME must differ"), "{problems:?}");
    }

    #[test]
    fn what_has_no_effect_is_mentioned() {
        let endpoint = ("CUSTOM_ID_USERS_API_ENDPOINT", "http://crud-service/users");
        let (settings, warnings, problems) = read(&[endpoint, ("ADDITIONAL_HEADERS_TO_PROXY", "Cookie,host")]);
        assert!(warnings.len() == 2 && problems.is_empty(), "{warnings:?} {problems:?}");
        let forwarded = settings.forwarding.names;
        assert!(forwarded.iter().any(|name| name == "cookie") && !forwarded.iter().any(|name| name == "host"));
        let custom = read(&[endpoint, ("AUTH_SERVICE", "auth0-client")]).0.custom_ids.unwrap();
        assert_eq!(custom.endpoint.as_str(), "http://crud-service/users/");
    }
}
