//! Invalid requests: the error says what is wrong, and nothing is carried out in part.

use bandyer_client::ApiVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes, person};

async fn service() -> Service {
    Service::start(ApiVersion::V2, &[]).await
}

fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field);
    body
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_the_path_of_the_error() {
    let service = service().await;
    let valid = || consultation(&in_minutes(60), 2, &[doctor(), patient()]);
    let many: Vec<Value> = (0..26).map(|n| person(&format!("p{n}"), "doctor")).collect();
    let ending_at = |end: &str| {
        let mut body = without(valid(), "duration_in_seconds");
        body["end_date"] = json!(end);
        body
    };
    let first_participant = "/participants/data/0";
    let ids = "have 1 to 128 characters of A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @ | and not be . or ..";
    let one_end = "body must have exactly one of the properties 'end_date', 'duration_in_seconds'";
    let table = [
        (json!([]), "body must be object".to_owned()),
        (json!("x"), "body must be object".into()),
        (json!({}), "body must have required property 'participants'".into()),
        (without(valid(), "participants"), "body must have required property 'participants'".into()),
        (without(valid(), "start_date"), "body must have required property 'start_date'".into()),
        (without(valid(), "duration_in_seconds"), one_end.into()),
        (
            {
                let mut body = valid();
                body["end_date"] = json!(in_minutes(99));
                body
            },
            one_end.into(),
        ),
        (
            {
                let mut body = valid();
                body["end_date"] = json!("tomorrow");
                body
            },
            one_end.into(),
        ),
        (with(valid(), "/start_date", json!("tomorrow")), "body.start_date must match format \"date-time\"".into()),
        (with(valid(), "/start_date", json!(5)), "body.start_date must match format \"date-time\"".into()),
        (
            with(valid(), "/start_date", json!("2026-02-30T09:00:00Z")),
            "body.start_date must match format \"date-time\"".into(),
        ),
        (
            with(valid(), "/start_date", json!("1969-12-31T23:59:59Z")),
            "body.start_date must be from 1970-01-01T00:00:00.000Z to 9999-12-30T00:00:00.000Z".into(),
        ),
        (with(valid(), "/duration_in_seconds", json!("long")), "body.duration_in_seconds must be integer".into()),
        (with(valid(), "/duration_in_seconds", json!(299)), "the duration must be at least 300 seconds".into()),
        (with(valid(), "/duration_in_seconds", json!(-5)), "end_date must be after start_date".into()),
        (
            with(valid(), "/duration_in_seconds", json!(8_000_000_000_000_000_i64)),
            "end_date must be before the year 10000".into(),
        ),
        (ending_at("2020-01-01T00:00:00Z"), "end_date must be after start_date".into()),
        (
            with(valid(), "/participants", json!(["auth0|1", "auth0|2"])),
            "body.participants must be object: a list of ids alone needs an auth service".into(),
        ),
        (
            with(valid(), "/participants/number", json!(null)),
            "body.participants must have required property 'number'".into(),
        ),
        (with(valid(), "/participants/number", json!(1)), "body.participants.number must be from 2 to 25".into()),
        (with(valid(), "/participants/number", json!(26)), "body.participants.number must be from 2 to 25".into()),
        (with(valid(), "/participants/number", json!(-3)), "body.participants.number must be from 2 to 25".into()),
        (with(valid(), "/participants/number", json!(2.5)), "body.participants.number must be integer".into()),
        (with(valid(), "/participants/data", json!({})), "body.participants.data must be array".into()),
        (
            consultation(&in_minutes(60), 25, &many),
            "body.participants.data must NOT have more items than body.participants.number".into(),
        ),
        (
            consultation(&in_minutes(60), 3, &[doctor(), patient(), doctor()]),
            "user dr.rossi must NOT take part twice".into(),
        ),
        (with(valid(), first_participant, json!(7)), "body.participants.data[0] must be object".into()),
        (
            with(valid(), first_participant, json!({"groups": ["doctor"], "fullName": "x"})),
            "body.participants.data[0] must have required property 'userId'".into(),
        ),
        (
            with(valid(), first_participant, json!({"userId": "d", "fullName": "x"})),
            "body.participants.data[0] must have required property 'groups'".into(),
        ),
        (
            with(valid(), first_participant, json!({"userId": "d", "groups": ["doctor"]})),
            "body.participants.data[0] must have required property 'fullName'".into(),
        ),
        (
            with(valid(), "/participants/data/0/groups", json!([["doctor"]])),
            "body.participants.data[0].groups[0] must be string".into(),
        ),
        (
            with(valid(), "/participants/data/0/fullName", json!("a\nb")),
            "body.participants.data[0].fullName must NOT have control characters".into(),
        ),
        (
            with(valid(), "/participants/data/0/fullName", json!("x".repeat(257))),
            "body.participants.data[0].fullName must NOT have more than 256 characters".into(),
        ),
        (
            with(valid(), "/participants/data/0/userId", json!("")),
            "body.participants.data[0].userId must NOT have fewer than 1 characters".into(),
        ),
        (
            with(valid(), "/participants/data/0/userId", json!("a/b")),
            format!("body.participants.data[0].userId must {ids}"),
        ),
        (
            with(valid(), "/participants/data/0/userId", json!("..")),
            format!("body.participants.data[0].userId must {ids}"),
        ),
        (
            with(valid(), "/participants/data/0/userId", json!("a%2fb")),
            format!("body.participants.data[0].userId must {ids}"),
        ),
    ];
    for (body, message) in table {
        let response = service.post("/teleconsultation", &body).await;
        assert_eq!(response.status, 400, "{message}: {response:?}");
        let message = json!(message);
        let expected =
            format!(r#"{{"statusCode":400,"code":"FST_ERR_VALIDATION","error":"Bad Request","message":{message}}}"#);
        assert_eq!(response.text, expected);
    }
    assert!(service.emulator.calls().is_empty(), "{:?}", service.emulator.calls());
}

#[tokio::test]
async fn a_body_that_cannot_be_parsed_is_refused() {
    let service = service().await;
    let http = crate::support::http_client();
    let url = format!("http://{}/teleconsultation", service.address());
    let deep = "[".repeat(100_000);
    let table: [(&str, &str, u16, Option<&str>); 8] = [
        ("application/json", "{\"canary", 400, None),
        ("application/json", "", 400, Some("FST_ERR_CTP_EMPTY_JSON_BODY")),
        ("application/json", &deep, 400, None),
        ("application/json; charset=utf-8", "nonsense", 400, None),
        ("text/xml", "<canary/>", 415, Some("FST_ERR_CTP_INVALID_MEDIA_TYPE")),
        ("application/x-www-form-urlencoded", "a=b&a=%ff", 400, Some("FST_ERR_VALIDATION")),
        ("application/jsonx", "{}", 415, Some("FST_ERR_CTP_INVALID_MEDIA_TYPE")),
        ("multipart/form-data", "{}", 415, Some("FST_ERR_CTP_INVALID_MEDIA_TYPE")),
    ];
    for (content_type, body, status, code) in table {
        let response = http.post(&url).header("content-type", content_type).body(body.to_owned()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{content_type}");
        let text = response.text().await.unwrap();
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(error.get("code").and_then(Value::as_str), code, "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    let response = http.post(&url).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    assert_eq!(response.json::<Value>().await.unwrap()["message"], json!("body must be object"));
}

#[tokio::test]
async fn form_fields_are_accepted_like_json() {
    let service = service().await;
    let id = service.create_later().await;
    let send = async |method: Method, path: &str, fields: &str| {
        let request = crate::support::http_client().request(method, format!("http://{}{path}", service.address()));
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = request.header("content-type", content_type).header("miauserid", "dr.rossi");
        let response = request.body(fields.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let path = format!("/teleconsultation/{id}");
    assert_eq!(send(Method::PATCH, &path, "duration_in_seconds=600").await, (204, String::new()));
    assert_eq!(send(Method::POST, "/credentials", "expiresIn=600").await.0, 201);
    let twice = send(Method::POST, "/credentials", "expiresIn=600&expiresIn=700").await;
    let expected = r#"{"statusCode":400,"code":"FST_ERR_VALIDATION","error":"Bad Request","message":"body.expiresIn must be integer"}"#;
    assert_eq!(twice, (400, expected.to_owned()));
}

#[tokio::test]
async fn a_body_over_256_kib_is_refused_with_a_readable_response() {
    let service = service().await;
    let http = crate::support::http_client();
    let url = format!("http://{}/teleconsultation", service.address());
    for size in [256 * 1024 + 1, 2 * 1024 * 1024] {
        let request = http.post(&url).header("content-type", "application/json").body(vec![b' '; size]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 413);
        let body: Value = response.json().await.unwrap();
        let expected = json!({"statusCode": 413, "code": "FST_ERR_CTP_BODY_TOO_LARGE",
            "error": "Payload Too Large", "message": "Request body is too large"});
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn ids_in_paths_cannot_escape_their_segment() {
    let service = service().await;
    for id in ["..", "a%2fb", "%2e%2e", "a%00b", "a%0ab", "%ff", "a%20b", "a%3Fb", &"a".repeat(300)] {
        let raw =
            format!("GET /teleconsultation/{id} HTTP/1.1\r\nhost: x\r\nmiauserid: u\r\nconnection: close\r\n\r\n");
        let response = crate::support::raw::exchange(service.address(), raw.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 404 "), "{id}: {response}");
        assert_eq!(service.patch(id, &json!({})).await.status, 404, "{id}");
    }
    assert!(service.emulator.calls().is_empty());
}

#[tokio::test]
async fn an_unknown_path_or_method_is_a_404_of_the_router() {
    let service = service().await;
    for (method, path) in [
        (Method::GET, "/teleconsultation"),
        (Method::PUT, "/teleconsultation/a"),
        (Method::GET, "/credentials"),
        (Method::GET, "/credentials/"),
        (Method::POST, "/nowhere"),
    ] {
        let response = service.call(method.clone(), &format!("{path}?secret=canary"), None, None).await;
        let expected =
            format!(r#"{{"message":"Route {method}:{path} not found","error":"Not Found","statusCode":404}}"#);
        assert_eq!((response.status, response.text), (404, expected));
    }
}

#[tokio::test]
async fn an_error_is_a_problem_document_when_requested() {
    let service = service().await;
    let request = crate::support::http_client().get(format!("http://{}/nowhere", service.address()));
    let response = request.header("accept", "application/problem+json").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["status"], &body["detail"]), (&json!(404), &json!("Route GET:/nowhere not found")));
}
