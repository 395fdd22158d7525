//! The bodies of all errors, byte for byte: clients compare these texts, and some of them the order of the keys.

use bandyer_client::ApiVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::{Variables, consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

fn uploads_are_deleted(_: ApiVersion) -> Variables {
    &[("TELECONSULTATION_DELETE_UPLOADS", "true")]
}

fn sentence(text: &str) -> String {
    format!(r#"{{"error":"{text}"}}"#)
}

fn validation(message: &str) -> String {
    format!(r#"{{"statusCode":400,"code":"FST_ERR_VALIDATION","error":"Bad Request","message":"{message}"}}"#)
}

fn unrouted(route: &str) -> String {
    format!(r#"{{"message":"Route {route} not found","error":"Not Found","statusCode":404}}"#)
}

const NOT_FOUND: &str = r#"{"statusCode":404,"error":"Not Found","message":"Something went wrong"}"#;
const ONE_END: &str = "body must have exactly one of the properties 'end_date', 'duration_in_seconds'";

/// Compares the bodies of responses and counts them.
struct Comparison<'a> {
    service: &'a Service,
    bodies: usize,
}

impl Comparison<'_> {
    async fn call(&mut self, call: &str, user: Option<&str>, body: Option<Value>, status: u16, text: impl AsRef<str>) {
        let (method, path) = call.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let response = self.service.call(method, path, user, body.as_ref()).await;
        self.compare(call, &response.text, response.status, response.header("content-type"), status, text.as_ref());
    }

    /// Sends a body as it is, without serialising it.
    async fn send(&mut self, content_type: &str, body: impl Into<reqwest::Body>, status: u16, text: &str) {
        let url = format!("http://{}/teleconsultation", self.service.address());
        let request = crate::support::http_client().post(url).header("content-type", content_type).body(body);
        let response = request.send().await.unwrap();
        let actual_status = response.status().as_u16();
        let response_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        self.compare(content_type, &response.text().await.unwrap(), actual_status, Some(&response_type), status, text);
    }

    fn compare(
        &mut self,
        call: &str,
        text: &str,
        actual_status: u16,
        content_type: Option<&str>,
        status: u16,
        expected: &str,
    ) {
        assert_eq!((actual_status, text), (status, expected), "{call}");
        assert_eq!(content_type, Some("application/json; charset=utf-8"), "{call}");
        self.bodies += 1;
    }
}

on_every_platform! {
    with uploads_are_deleted;

    async fn every_error_body_is_byte_for_byte_as_documented(service: Service) {
        let (running, later) = (service.create_running().await, service.create_later().await);
        let partial = service.create(&in_minutes(60), 2, &[patient()]).await;
        let one = |id: &str| format!("/teleconsultation/{id}");
        let add = |id: &str| format!("POST /teleconsultation/{id}/participants/data");
        let (relative, cook) = (person("relative", "patient"), person("cook", "cook"));
        let basic = || json!({"number": 2, "data": [patient(), person("relative", "patient")]});
        let valid = || consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let with = |name: &str, value: Value| {
            let mut body = valid();
            body[name] = value;
            Some(body)
        };
        let without = |name: &str| {
            let mut body = valid();
            body.as_object_mut().unwrap().remove(name);
            Some(body)
        };
        let people = |number: usize, people: &[Value]| with("participants", json!({"number": number, "data": people}));
        let mut api = Comparison { service: &service, bodies: 0 };

        // No plus user takes part.
        let post = "POST /teleconsultation";
        let refused = "no plus user in room";
        api.call(post, None, with("participants", basic()), 400, sentence(&format!("Failed {post}: {refused}"))).await;
        let text = sentence(&format!("Failed PATCH /teleconsultation: {refused}"));
        api.call(&format!("PATCH {}", one(&later)), None, Some(json!({"participants": basic()})), 400, text).await;
        let text = sentence(&format!("Failed {}: {refused}", add(&partial)));
        api.call(&add(&partial), None, Some(relative.clone()), 400, text).await;

        // A participant is in no configured group.
        let refused = "user cook is in no configured group";
        api.call(post, None, people(2, &[doctor(), cook.clone()]), 400, sentence(&format!("Failed {post}: {refused}"))).await;
        let patch = format!("PATCH {}", one(&later));
        let body = json!({"participants": {"number": 2, "data": [doctor(), cook]}});
        api.call(&patch, None, Some(body), 400, sentence(&format!("Failed {patch}: {refused}"))).await;
        let text = sentence(&format!("Failed {}: {refused}", add(&partial)));
        api.call(&add(&partial), None, Some(cook), 400, text).await;

        // The change comes too late, or there are too many participants.
        let (patch, refused) = (format!("PATCH {}", one(&running)), "the teleconsultation can no longer be changed");
        api.call(&patch, None, Some(json!({})), 409, sentence(&format!("Failed {patch}: {refused}"))).await;
        let text = sentence(&format!("Failed {}: {refused}", add(&running)));
        api.call(&add(&running), None, Some(relative.clone()), 409, text).await;
        let text = sentence(&format!("Failed {}: all participants are already known", add(&later)));
        api.call(&add(&later), None, Some(relative.clone()), 409, text).await;

        // The object or the route does not exist.
        let unknown = "0123456789abcdef01234567";
        let text = sentence(&format!("Room with id {unknown} not found on CRUD"));
        api.call(&format!("GET {}", one(unknown)), Some("dr.rossi"), None, 404, &text).await;
        api.call(&format!("GET /transcription/{unknown}/s"), Some("dr.rossi"), None, 404, &text).await;
        let text = sentence("There is no transcription of this session");
        api.call(&format!("GET /transcription/{running}/s"), Some("dr.rossi"), None, 404, text).await;
        for (call, body) in [
            (format!("PATCH {}", one(unknown)), Some(json!({}))),
            (add(unknown), Some(relative)),
            (format!("DELETE {}", one(unknown)), None),
            (format!("DELETE {}/uploads", one(unknown)), None),
        ] {
            api.call(&call, None, body, 404, NOT_FOUND).await;
        }
        for route in ["GET:/teleconsultation", "PUT:/credentials", "POST:/nowhere", "GET:/-/healthz/"] {
            api.call(&route.replacen(':', " ", 1), None, None, 404, unrouted(route)).await;
        }

        // The caller is unknown.
        let unauthorized = sentence("Unauthorized user");
        for (call, body) in [
            (format!("GET {}", one(&running)), None),
            (format!("GET /transcription/{running}/s"), None),
            ("POST /credentials".to_owned(), None),
            ("PATCH /settings/update".to_owned(), Some(json!({"background_alias": "x"}))),
        ] {
            api.call(&call, None, body, 401, &unauthorized).await;
        }
        api.call(&format!("GET {}", one(&running)), Some("stranger"), None, 401, &unauthorized).await;
        let picture = service.send_picture(None, "virtual_background", vec![0; 1000]).await;
        api.compare("picture", &picture.text, picture.status, picture.header("content-type"), 401, &unauthorized);

        // A value is invalid.
        for (body, message) in [
            (Some(json!([])), "body must be object"),
            (None, "body must be object"),
            (without("participants"), "body must have required property 'participants'"),
            (without("start_date"), "body must have required property 'start_date'"),
            (without("duration_in_seconds"), ONE_END),
            (with("end_date", json!(in_minutes(99))), ONE_END),
            (with("start_date", json!("soon")), r#"body.start_date must match format \"date-time\""#),
            (with("duration_in_seconds", json!("x")), "body.duration_in_seconds must be integer"),
            (with("duration_in_seconds", json!(299)), "the duration must be at least 300 seconds"),
            (with("duration_in_seconds", json!(0)), "end_date must be after start_date"),
            (people(1, &[doctor()]), "body.participants.number must be from 2 to 25"),
            (people(26, &[doctor()]), "body.participants.number must be from 2 to 25"),
            (
                people(2, &[doctor(), patient(), person("relative", "patient")]),
                "body.participants.data must NOT have more items than body.participants.number",
            ),
            (people(3, &[doctor(), doctor()]), "user dr.rossi must NOT take part twice"),
            (people(2, &[json!({})]), "body.participants.data[0] must have required property 'userId'"),
            (with("participants", json!({"number": 2, "data": 5})), "body.participants.data must be array"),
        ] {
            api.call(post, None, body, 400, validation(message)).await;
        }
        for (query, message) in [
            ("useBackground=yes", "querystring.useBackground must be boolean"),
            ("language=italiano", "querystring.language must be a language code of two letters, such as it or en"),
        ] {
            let call = format!("GET {}?{query}", one(&running));
            api.call(&call, Some("dr.rossi"), None, 400, validation(message)).await;
        }
        let lifetime = validation("body.expiresIn must be from 360 to 86400");
        api.call("POST /credentials", Some("dr.rossi"), Some(json!({"expiresIn": 1})), 400, lifetime).await;
        let alias = validation("body must have required property 'background_alias'");
        api.call("PATCH /settings/update", Some("dr.rossi"), Some(json!({})), 400, alias).await;

        // The body cannot be parsed.
        api.send(
            "application/json",
            "",
            400,
            r#"{"statusCode":400,"code":"FST_ERR_CTP_EMPTY_JSON_BODY","error":"Bad Request","message":"Body cannot be empty when content-type is set to 'application/json'"}"#,
        )
        .await;
        let malformed = r#"{"statusCode":400,"error":"Bad Request","message":"Body is not valid JSON at line 1 column 2"}"#;
        api.send("application/json", "{x", 400, malformed).await;
        api.send(
            "text/xml",
            "<x/>",
            415,
            r#"{"statusCode":415,"code":"FST_ERR_CTP_INVALID_MEDIA_TYPE","error":"Unsupported Media Type","message":"Unsupported Media Type: text/xml"}"#,
        )
        .await;
        let large = r#"{"statusCode":413,"code":"FST_ERR_CTP_BODY_TOO_LARGE","error":"Payload Too Large","message":"Request body is too large"}"#;
        api.send("application/json", vec![b' '; 256 * 1024 + 1], 413, large).await;

        assert_eq!(api.bodies, 50);
        assert_eq!(service.emulator.rooms().len(), 2, "a refused request creates no room");
    }
}
