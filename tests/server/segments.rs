//! An id stays within its path segment or query parameter of every URL that the server calls, whatever it contains.

use bandyer_client::ApiVersion;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

use crate::support::crud_service::{PEOPLE, RECORDS};
use crate::support::raw::exchange;
use crate::support::service::Platform;
use crate::support::stand_in::{Call, StandIn};
use crate::support::{Service, in_minutes};

/// Well-known attacks and about as many random ids. The same in every run.
fn ids() -> Vec<String> {
    let known = [
        ".",
        "..",
        "...",
        "a/b",
        "../x",
        "a/../../x",
        "%2e%2e",
        "%2F",
        "a%2fb",
        "a?x=1",
        "a#b",
        "a\\b",
        "\\..\\x",
        "//h/x",
        "http://h/x",
        "a b",
        "a;b",
        "a&b=c",
        "a\"b",
        "\"}",
        "{id}",
        "$where",
        "\u{e9}",
        "\u{202e}x",
        "\u{ff0f}",
        "count",
        "export",
        "-",
        "state",
    ];
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(1), ..Config::default() });
    let free = prop_oneof!["[./%?#&=\\\\a-c]{1,8}", "\\PC{1,12}"];
    let others = std::iter::repeat_with(|| free.new_tree(&mut runner).unwrap().current()).take(60);
    known.into_iter().map(str::to_owned).chain(others).collect()
}

/// Checks that every call fits one of these paths, where a star stands for one segment, and has only these parameters.
fn check_urls(service: &str, calls: &[Call], paths: &[(&str, &[&str])], id: &str) {
    for call in calls {
        let path = call.raw.split(['?', '#']).next().unwrap();
        let fits = paths.iter().any(|(shape, names)| {
            let (shape, actual): (Vec<&str>, Vec<&str>) = (shape.split('/').collect(), path.split('/').collect());
            let same = |(name, value): (&&str, &&str)| name == value || (*name == "*" && !value.is_empty());
            let in_place = shape.len() == actual.len() && shape.iter().zip(&actual).all(same);
            in_place && call.query.iter().all(|(name, _)| names.contains(&name.as_str()))
        });
        assert!(fits, "{id:?} caused {} {} at the {service}", call.method, call.raw);
        assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{id:?}: {}", call.raw);
    }
}

const RECORD_PATHS: [(&str, &[&str]); 4] = [
    ("/teleconsultations/", &["_q", "_st", "_s", "_l", "_sk"]),
    ("/teleconsultations/*", &["_q", "_st"]),
    ("/teleconsultations/*/state", &["_q"]),
    ("/teleconsultations_users/", &["_q", "_st", "_s", "_l", "_sk"]),
];

/// The service and stand-ins that record every call.
struct Fixture {
    service: Service,
    vendor: StandIn,
    users: StandIn,
    /// The number of calls of the CRUD Service, the auth service, the users service and the vendor.
    calls: [usize; 4],
}

impl Fixture {
    async fn start(with_custom_ids: bool) -> Self {
        // Finds no user, so that the server uses both forms of the request.
        let users = StandIn::start(|_: &Call| (200, json!([]))).await;
        let vendor = StandIn::start(|_: &Call| (404, json!({}))).await;
        let endpoint = format!("{}/people/", users.url);
        let mut variables = vec![("BANDYER_BASE_URL", vendor.url.as_str())];
        if with_custom_ids {
            variables.push(("CUSTOM_ID_USERS_API_ENDPOINT", &endpoint));
        }
        let service = Service::on(Platform::BOTH, ApiVersion::V2, &variables).await;
        Self { service, vendor, users, calls: [0; 4] }
    }

    fn check(&mut self, id: &str) {
        let (auth, crud) = (self.service.auth.as_ref().unwrap(), self.service.crud.as_ref().unwrap());
        check_urls("CRUD Service", &crud.http.calls(), &RECORD_PATHS, id);
        check_urls("auth service", &auth.http.calls(), &[("/users/*", &[]), ("/users", &["user_id", "_q"])], id);
        check_urls("users service", &self.users.calls(), &[("/people/", &["_id"]), ("/people/*", &[])], id);
        check_urls(
            "vendor",
            &self.vendor.calls(),
            &[("/v2/rooms/*", &[]), ("/v2/rooms", &["limit", "offset"]), ("/v2/users", &[])],
            id,
        );
        for (http, count) in [&crud.http, &auth.http, &self.users, &self.vendor].into_iter().zip(&mut self.calls) {
            *count += http.calls().len();
            http.forget_calls();
        }
    }
}

#[tokio::test]
async fn ids_in_requests_stay_in_their_path_segment() {
    for with_custom_ids in [true, false] {
        let mut fixture = Fixture::start(with_custom_ids).await;
        for id in ids() {
            send_requests_with(&fixture.service, &id).await;
            fixture.check(&id);
        }
        let [crud, auth, users, vendor] = fixture.calls;
        assert!(crud > 50 && auth > 20 && (users > 40) == with_custom_ids, "{:?}", fixture.calls);
        assert_eq!(vendor, 0, "no person is known and no record exists");
    }
}

/// Sends every kind of request, with the id in every place that takes one.
async fn send_requests_with(service: &Service, id: &str) {
    let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
    // Once encoded, and once unchanged where a request line can contain it.
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic()).then(|| id.to_owned());
    for path_id in [Some(encoded), plain].into_iter().flatten() {
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("DELETE", "/uploads"), ("PATCH", "")] {
            let head = format!("{method} /teleconsultation/{path_id}{rest} HTTP/1.1\r\nhost: x\r\nmiauserid: u\r\n");
            let body = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let response = exchange(service.address(), format!("{head}{body}").as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 "), "{id:?}: {response}");
        }
    }
    let people = json!([id, "other"]);
    let body = json!({"start_date": in_minutes(9), "duration_in_seconds": 900, "participants": people});
    let response = service.post("/teleconsultation", &body).await;
    assert_eq!(response.status, 400, "{id:?}: {response:?}");
    // In the caller's header, where a header can contain it.
    if let Ok(value) = reqwest::header::HeaderValue::from_str(id) {
        let url = format!("http://{}/credentials", service.address());
        let response = crate::support::http_client().post(url).header("miauserid", value).send().await.unwrap();
        assert_eq!(response.status(), 401, "{id:?}");
    }
}

#[tokio::test]
async fn ids_in_platform_records_stay_in_their_path_segment() {
    let mut fixture = Fixture::start(false).await;
    for id in ids() {
        let service = &fixture.service;
        let crud = service.crud.as_ref().unwrap();
        crud.put(PEOPLE, json!({"receivedUserId": "viewer", "bandyerId": "usr_v"}));
        crud.put(PEOPLE, json!({"receivedUserId": id, "bandyerId": "usr_o"}));
        let people = json!([{"userBandyerId": "usr_v"}, {"userBandyerId": "usr_o"}, {"userBandyerId": id}]);
        let record = crud.put(
            RECORDS,
            json!({"bandyerRoomId": id, "participantsNumber": 3, "participants": people, "startDate": in_minutes(60)}),
        );
        for (method, body) in [
            (Method::GET, None),
            (Method::PATCH, Some(json!({"duration_in_seconds": 900}))),
            (Method::DELETE, None::<Value>),
        ] {
            let response =
                service.call(method, &format!("/teleconsultation/{record}"), Some("viewer"), body.as_ref()).await;
            assert!(response.status < 600, "{id:?}: {response:?}");
        }
        crud.forget();
        fixture.check(&id);
    }
    let [crud, auth, users, vendor] = fixture.calls;
    assert!(crud > 300 && auth > 100 && vendor > 50 && users == 0, "{:?}", fixture.calls);
}
