//! The OpenAPI document agrees with the behaviour of the API.

use std::collections::BTreeSet;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};
use teleconsult_server::api::routes::{self, ROUTES};

use crate::support::service::{Platform, consultation, doctor, patient};
use crate::support::{Response, Service, in_minutes, person};

async fn openapi(service: &Service, prefix: &str) -> Value {
    let response = service.get(&format!("{prefix}/documentation/json"), "").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json; charset=utf-8")));
    response.json()
}

/// Every documented method and path.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()).collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[tokio::test]
async fn the_documented_routes_are_those_of_the_router() {
    let hidden = [
        "/-/healthz",
        "/-/ready",
        "/-/check-up",
        "/documentation/json",
        "/documentation/yaml",
        "/documentation/",
        "/documentation/page.css",
        "/documentation/page.js",
        "/documentation",
        "/documentation/static/index.html",
    ];
    for prefix in ["", "/api/v1/telecons-be"] {
        let service = Service::start(ApiVersion::V2, &[("SERVICE_PREFIX", prefix)]).await;
        let documented = operations(&openapi(&service, prefix).await);
        let table: BTreeSet<(String, String)> = ROUTES
            .iter()
            .filter(|route| !hidden.contains(&route.template()))
            .map(|route| {
                let path =
                    route.template_under(prefix).replace(":roomId", "{roomId}").replace(":sessionId", "{sessionId}");
                (route.method.to_string(), path)
            })
            .collect();
        assert_eq!(documented, table);
        for (method, path) in documented {
            let found = routes::find(&method.parse::<Method>().unwrap(), &path, prefix);
            assert!(found.is_some_and(|found| !hidden.contains(&found.route.template())), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn metrics_are_documented_only_when_they_are_served() {
    let service = Service::start(ApiVersion::V2, &[("EXPOSE_METRICS", "false")]).await;
    assert!(openapi(&service, "").await["paths"].get("/-/metrics").is_none());
}

/// The schema of a response as plain JSON Schema, which has the type `null` where OpenAPI 3.0 has `nullable`.
fn validator(document: &Value, operation: &Value, response: &Response) -> Option<Validator> {
    let documented = operation["responses"].get(response.status.to_string()).unwrap_or_else(|| panic!("{response:?}"));
    let media_type = response.header("content-type").unwrap_or_default().split(';').next().unwrap();
    let Some(content) = documented.get("content") else {
        assert!(response.text.is_empty() && media_type.is_empty(), "{response:?}");
        return None;
    };
    let mut schema = content.get(media_type).unwrap_or_else(|| panic!("{media_type} {response:?}"))["schema"].clone();
    schema["components"] = document["components"].clone();
    to_json_schema(&mut schema);
    Some(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
}

fn to_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(to_json_schema);
            if fields.remove("nullable") == Some(json!(true)) {
                let inner = Value::Object(std::mem::take(fields));
                *schema = json!({"anyOf": [inner, {"type": "null"}]});
            }
        }
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        _ => {}
    }
}

struct Checked<'a> {
    service: &'a Service,
    document: Value,
    seen: BTreeSet<(String, u16)>,
}

impl Checked<'_> {
    async fn call(
        &mut self,
        method: Method,
        template: &str,
        path: &str,
        user: Option<&str>,
        body: Option<&Value>,
    ) -> Response {
        let response = self.service.call(method.clone(), path, user, body).await;
        self.check(&method, template, &response);
        response
    }

    fn check(&mut self, method: &Method, template: &str, response: &Response) {
        let operation = &self.document["paths"][template][method.as_str().to_ascii_lowercase()];
        assert!(operation.is_object(), "{method} {template}");
        if let Some(validator) = validator(&self.document, operation, response) {
            let validated = validator.validate(&response.json()).map_err(|error| error.to_string());
            assert_eq!(validated, Ok(()), "{method} {template}: {response:?}");
        }
        self.seen.insert((operation["operationId"].as_str().unwrap().to_owned(), response.status));
    }
}

#[tokio::test]
async fn every_kind_of_response_matches_its_documented_schema() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULTATION_DELETE_UPLOADS", "true")]).await;
    let document = openapi(&service, "").await;
    let mut api = Checked { service: &service, document, seen: BTreeSet::new() };
    let (all, one, people) =
        ("/teleconsultation", "/teleconsultation/{roomId}", "/teleconsultation/{roomId}/participants/data");
    let valid = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let created = api.call(Method::POST, all, all, None, Some(&valid)).await.json();
    let running = format!("{all}/{}", created["roomId"].as_str().unwrap());
    let partial = format!("{all}/{}", service.create(&in_minutes(60), 3, &[patient()]).await);
    let huge = json!("x".repeat(300 * 1024));

    for (user, query) in [
        (Some("dr.rossi"), "?useBackground=true&language=it"),
        (Some("foreign"), ""),
        (Some("dr.rossi"), "?language=x"),
    ] {
        api.call(Method::GET, one, &format!("{running}{query}"), user, None).await;
    }
    api.call(Method::GET, one, &partial, Some("patient-42"), None).await;
    api.call(Method::GET, one, "/teleconsultation/unknown", Some("dr.rossi"), None).await;
    for body in [json!({}), consultation(&in_minutes(0), 2, &[patient(), person("q", "patient")]), huge.clone()] {
        api.call(Method::POST, all, all, None, Some(&body)).await;
    }
    for (path, body) in [
        (&running, json!({})),
        (&partial, json!({})),
        (&partial, json!([])),
        (&"/teleconsultation/no".to_owned(), json!({})),
    ] {
        api.call(Method::PATCH, one, path, None, Some(&body)).await;
    }
    for (path, body) in [
        (&partial, person("q", "patient")),
        (&partial, person("r", "patient")),
        (&partial, json!({})),
        (&running, person("r", "patient")),
        (&"/teleconsultation/no".to_owned(), person("r", "patient")),
    ] {
        api.call(Method::POST, people, &format!("{path}/participants/data"), None, Some(&body)).await;
    }
    for (user, body) in [(Some("dr.rossi"), json!({})), (None, json!({})), (Some("dr.rossi"), json!({"expiresIn": 1}))]
    {
        api.call(Method::POST, "/credentials", "/credentials", user, Some(&body)).await;
    }
    for status in [500, 429] {
        service.emulator.faults().add(Fault::on(Operation::IssueCredential).always().status(status).retry_after("100"));
        api.call(Method::POST, "/credentials", "/credentials", Some("dr.rossi"), None).await;
        service.emulator.faults().clear();
    }
    let uploads = "/teleconsultation/{roomId}/uploads";
    for path in [&running, "/teleconsultation/no"] {
        api.call(Method::DELETE, uploads, &format!("{path}/uploads"), None, None).await;
    }
    let transcription = "/transcription/{roomId}/{sessionId}";
    let path = running.replace("/teleconsultation", "/transcription");
    for user in [Some("dr.rossi"), None] {
        api.call(Method::GET, transcription, &format!("{path}/session"), user, None).await;
    }
    let (pictures, settings) = ("/settings/background-image", "/settings/update");
    let part = "virtual_background";
    let picture = service.send_picture(Some("d"), part, crate::support::service::jpeg(1280)).await;
    let alias = picture.json()[part]["background_alias"].clone();
    for response in [
        picture,
        service.send_picture(None, part, Vec::new()).await,
        service.send_picture(Some("d"), "other", Vec::new()).await,
        service.send_picture(Some("d"), part, vec![0; 10 * 1024 * 1024 + 1]).await,
        service.call(Method::POST, pictures, Some("d"), Some(&json!({}))).await,
    ] {
        api.check(&Method::POST, pictures, &response);
    }
    for (user, alias) in [(Some("d"), alias.clone()), (Some("d"), json!("none")), (None, alias)] {
        api.call(Method::PATCH, settings, settings, user, Some(&json!({"background_alias": alias}))).await;
    }
    for _ in 0..2 {
        api.call(Method::DELETE, one, &partial, None, None).await;
    }
    assert_eq!(service.get("/-/metrics", "").await.status, 200);
    let expected: BTreeSet<(String, u16)> = [
        ("createTeleconsultation", &[201, 400, 413][..]),
        ("viewTeleconsultation", &[200, 400, 401, 404]),
        ("changeTeleconsultation", &[204, 400, 404, 409]),
        ("addParticipant", &[201, 400, 404, 409]),
        ("issueCredential", &[201, 400, 401, 502, 503]),
        ("deleteTeleconsultation", &[204, 404]),
        ("deleteUploads", &[200, 404]),
        ("showTranscription", &[401, 404]),
        ("addBackground", &[200, 400, 401, 413, 415]),
        ("changeSettings", &[200, 400, 401]),
    ]
    .into_iter()
    .flat_map(|(operation, statuses)| statuses.iter().map(|status| (operation.to_owned(), *status)))
    .collect();
    assert_eq!(api.seen, expected);
}

#[tokio::test]
async fn documented_examples_match_their_schema_and_are_accepted() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let document = openapi(&service, "").await;
    let validate = |schema: &Value, value: &Value, operation_id: &str| {
        let mut schema = schema.clone();
        schema["components"] = document["components"].clone();
        to_json_schema(&mut schema);
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        assert!(validator.is_valid(value), "{operation_id}: {value}");
    };
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let operation_id = operation["operationId"].as_str().unwrap();
            let responses = operation["responses"].as_object().unwrap().values();
            for content in responses.chain(operation.get("requestBody")).filter_map(|one| one.get("content")) {
                for content in content.as_object().unwrap().values() {
                    let named = content["examples"].as_object().into_iter().flat_map(|named| named.values());
                    for example in named.map(|named| &named["value"]).chain(content.get("example")) {
                        validate(&content["schema"], example, operation_id);
                        checked += 1;
                    }
                }
            }
            // The page shows the only content type of a request.
            let content_types =
                operation.get("requestBody").map_or(1, |body| body["content"].as_object().unwrap().len());
            assert!(path.starts_with('/') && content_types == 1, "{operation_id}");
        }
    }
    assert!(checked > 50, "{checked}");
    let example =
        &document["paths"]["/teleconsultation"]["post"]["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(service.post("/teleconsultation", example).await.status, 201);
}

#[tokio::test]
async fn platform_services_change_the_required_fields_and_errors() {
    for (platform, required, passed_on) in [
        (Platform::ALONE, json!(["userId", "groups", "fullName"]), false),
        (Platform::CRUD, json!(["userId", "groups", "fullName"]), true),
        (Platform::BOTH, json!(["userId"]), true),
    ] {
        let service = Service::on(platform, ApiVersion::V2, &[]).await;
        let document = openapi(&service, "").await;
        assert_eq!(document["components"]["schemas"]["NewParticipant"]["required"], required);
        let passes_errors_on =
            |path: &str, method: &str| document["paths"][path][method]["responses"].get("4XX").is_some();
        assert_eq!(
            (passes_errors_on("/credentials", "post"), passes_errors_on("/settings/update", "patch")),
            (passed_on, false)
        );
    }
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_external() {
    let service = Service::start(ApiVersion::V2, &[("SERVICE_PREFIX", "/api")]).await;
    for prefix in ["", "/api"] {
        for (path, content_type) in [
            ("", "text/html; charset=utf-8"),
            ("page.css", "text/css; charset=utf-8"),
            ("page.js", "text/javascript; charset=utf-8"),
            ("yaml", "application/x-yaml"),
        ] {
            let response = service.get(&format!("{prefix}/documentation/{path}"), "").await;
            assert_eq!((response.status, response.header("content-type")), (200, Some(content_type)), "{path}");
            if path != "yaml" {
                assert!(!response.text.contains("//") || path == "page.js" && !response.text.contains("://"), "{path}");
            }
            if path.is_empty() {
                let policy = response.header("content-security-policy").unwrap();
                assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
            }
        }
        for (path, target) in [("", "./documentation/"), ("/static/index.html", "../")] {
            let response = service.get(&format!("{prefix}/documentation{path}"), "").await;
            assert_eq!((response.status, response.header("location")), (302, Some(target)));
        }
    }
}
