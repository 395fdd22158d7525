//! Finds out which inferred facts about the vendor's API are true. With the key of a sandbox:
//!
//! ```text
//! BANDYER_API_SECRET_KEY=ak_test_… BANDYER_BASE_URL=https://api.sandbox.eu.bandyer.com cargo run --example probe
//! ```
//!
//! Without a key it runs against the emulator, and fails unless that confirms every fact.
//!
//! For each API version it creates users, a room, a participant and a credential, reads them, and deletes what it made. For each inferred
//! path it sends a request about something that does not exist, and compares the response with that to a path that does not
//! exist. The output consists of methods, paths, statuses, names of headers, and names and types of fields; it never contains
//! a value, so it can be attached to a public issue.

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::collections::HashMap;
use std::process::ExitCode;

use bandyer_client::emulator::Emulator;
use bandyer_client::{ApiVersion, Client, Operation, Response};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Confirmed,
    Contradicted,
    /// The response does not decide it, or there was none.
    NotSeen,
}

impl Verdict {
    fn of(is_true: Option<bool>) -> Self {
        match is_true {
            Some(true) => Self::Confirmed,
            Some(false) => Self::Contradicted,
            None => Self::NotSeen,
        }
    }
}

/// What a response says without its values.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    status: u16,
    code: Option<String>,
    body: Value,
}

impl Answer {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a success has a field at this place, such as `/user/id`.
    fn has(&self, pointer: &str) -> Option<bool> {
        self.is_success().then(|| self.body.pointer(pointer).is_some_and(|value| !value.is_null()))
    }
}

struct Probe {
    version: ApiVersion,
    client: Client,
    facts: Vec<(String, Verdict)>,
}

impl Probe {
    /// Sends a request and prints the shape of its response.
    async fn send(&self, method: Method, path: &[&str], template: &str, body: Option<Value>) -> Option<Answer> {
        let mut request = self.client.request(method.clone(), path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let result = request.bytes().send_with_response().await;
        let name = format!("{} {method} {template}", self.version);
        match result {
            Ok(response) => {
                let answer = success(&response);
                println!("{name} -> {} {}", answer.status, shape(&answer.body));
                println!("    headers: {}", header_names(&response).join(", "));
                Some(answer)
            }
            Err(error) => {
                let Some(status) = error.status() else {
                    println!("{name} -> no response: {:?}", error.kind());
                    return None;
                };
                let code = error.code().map(str::to_owned);
                println!("{name} -> {} with{} a code", status.as_u16(), if code.is_some() { "" } else { "out" });
                Some(Answer { status: status.as_u16(), code, body: Value::Null })
            }
        }
    }

    fn fact(&mut self, text: &str, is_true: Option<bool>) {
        self.facts.push((format!("{}: {text}", self.version), Verdict::of(is_true)));
    }

    /// Creates users, a room and a credential, reads them, and deletes the room and the users whatever happened between.
    async fn make_and_read(&mut self) {
        let unique = format!("probe-{:08x}", fastrand::u32(..));
        let [doctor, patient, relative] = ["d", "p", "r"].map(|end| format!("{unique}-{end}"));
        match self.version {
            ApiVersion::V1 => self.make_and_read_v1(&doctor, &patient).await,
            _ => self.make_and_read_v2(&doctor, &patient, &relative).await,
        }
        for user in [&doctor, &patient, &relative] {
            match self.version {
                ApiVersion::V1 => {
                    self.send(Method::DELETE, &["user", "delete", user], "/user/delete/{user_id}", None).await
                }
                _ => self.send(Method::DELETE, &["users", user], "/users/{id}", None).await,
            };
        }
    }

    async fn make_and_read_v1(&mut self, doctor: &str, patient: &str) {
        for (id, role) in [(doctor, "plus"), (patient, "basic")] {
            let body = json!({"id": id, "role": role});
            self.send(Method::POST, &["user", "create"], "/user/create", Some(body)).await;
        }
        self.send(Method::GET, &["user", "list", doctor], "/user/list/{user_id}", None).await;
        self.send(Method::GET, &["user", "list"], "/user/list", None).await;
        let body = json!({"participants": [{"user_id": doctor}, {"user_id": patient}], "duration": 60});
        let room = self.send(Method::POST, &["room", "create"], "/room/create", Some(body)).await;
        let id = room.as_ref().and_then(|room| Some(room.body.pointer("/room/room_id")?.as_str()?.to_owned()));
        if let Some(id) = id {
            self.send(Method::GET, &["room", "info", &id], "/room/info/{room_id}", None).await;
            let path = ["room", &id, "envelope", "list"];
            let list = self.send(Method::GET, &path, "/room/{room_id}/envelope/list", None).await;
            self.fact("envelopes of a room are listed", list.map(|list| list.is_success()));
            self.send(Method::DELETE, &["room", "delete", &id], "/room/delete/{room_id}", None).await;
        }
        self.send(Method::GET, &["room", "list"], "/room/list", None).await;
        let body = json!({"user_id": doctor, "expires_in": 3600});
        self.send(Method::POST, &["sdk", "credentials"], "/sdk/credentials", Some(body)).await;
        let unknown = self.send(Method::GET, &["room", "info", "room_probe"], "/room/info/{room_id}", None).await;
        self.fact("errors have a code", unknown.map(|answer| answer.code.is_some()));
    }

    async fn make_and_read_v2(&mut self, doctor: &str, patient: &str, relative: &str) {
        for (id, role) in [(doctor, "plus"), (patient, "basic"), (relative, "basic")] {
            self.send(Method::POST, &["users"], "/users", Some(json!({"id": id, "role": role}))).await;
        }
        let user = self.send(Method::GET, &["users", doctor], "/users/{id}", None).await;
        self.fact("a user is the whole response", user.and_then(|user| user.has("/id")));
        let users = self.send(Method::GET, &["users"], "/users", None).await;
        self.facts_of_list("users", users);
        let body = json!({"participants": [{"user_id": doctor}, {"user_id": patient}], "duration": 60});
        let room = self.send(Method::POST, &["rooms"], "/rooms", Some(body)).await;
        let id = room.as_ref().and_then(|room| Some(room.body.pointer("/id")?.as_str()?.to_owned()));
        self.fact("a created room is the whole response", room.as_ref().and_then(|room| room.has("/id")));
        let has_user = room.as_ref().and_then(|room| room.has("/participants/0/user_id"));
        self.fact("a created room lists its participants by user_id", has_user);
        if let Some(id) = id {
            let read = self.send(Method::GET, &["rooms", &id], "/rooms/{id}", None).await;
            self.fact("a room that is read is the whole response", read.and_then(|room| room.has("/id")));
            let path = ["rooms", &id, "participants"];
            let body = json!({"user_id": relative});
            let added = self.send(Method::POST, &path, "/rooms/{id}/participants", Some(body)).await;
            self.fact("a participant can be added", added.map(|added| added.is_success()));
            let people = self.send(Method::GET, &path, "/rooms/{id}/participants", None).await;
            self.facts_of_list("participants", people);
            let path = ["rooms", &id, "participants", patient];
            self.send(Method::GET, &path, "/rooms/{id}/participants/{user_id}", None).await;
            self.send(Method::DELETE, &["rooms", &id], "/rooms/{id}", None).await;
        }
        let rooms = self.send(Method::GET, &["rooms"], "/rooms", None).await;
        self.facts_of_list("rooms", rooms);
        let sessions = self.send(Method::GET, &["sessions"], "/sessions", None).await;
        self.facts_of_list("sessions", sessions);
        let body = json!({"user_id": doctor, "expires_in": 3600});
        self.send(Method::POST, &["sdk", "credentials"], "/sdk/credentials", Some(body)).await;
        let unknown = self.send(Method::GET, &["rooms", "room_probe"], "/rooms/{id}", None).await;
        self.fact("errors have a code", unknown.map(|answer| answer.code.is_some()));
    }

    fn facts_of_list(&mut self, name: &str, list: Option<Answer>) {
        let has = |field: &str| list.as_ref().and_then(|list| list.has(field));
        let (array, more) = (has(&format!("/{name}")), has("/has_more"));
        self.fact(&format!("the list of {name} is an array of that name"), array);
        self.fact(&format!("the list of {name} has has_more"), more);
    }

    /// Compares the response of each inferred path with that of a path that does not exist.
    async fn inferred_paths(&mut self) {
        let mut missing = HashMap::new();
        for operation in Operation::ALL {
            let request = operation.method_and_path(self.version).filter(|_| operation.is_inferred(self.version));
            let Some((method, template)) = request.and_then(|request| request.split_once(' ')) else { continue };
            let Ok(method) = method.parse::<Method>() else { continue };
            let has_body = method == Method::POST || method == Method::PUT;
            if !missing.contains_key(&method) {
                let path = ["no-such-resource", "probe"];
                let body = has_body.then(|| json!({}));
                let answer = self.send(method.clone(), &path, "/no-such-resource/probe", body).await;
                missing.insert(method.clone(), answer);
            }
            let fill = |segment: &'static str| if segment.starts_with('{') { "probe-none" } else { segment };
            let path: Vec<&str> = template.trim_start_matches('/').split('/').map(fill).collect();
            let body = has_body.then(|| json!({}));
            let answer = self.send(method.clone(), &path, template, body).await;
            let differs = match (&answer, &missing[&method]) {
                // A refusal of the key or of the quota says nothing about the path.
                (Some(answer), _) if matches!(answer.status, 401 | 403 | 429) || answer.status >= 500 => None,
                (Some(answer), Some(missing)) => Some((answer.status, &answer.code) != (missing.status, &missing.code)),
                _ => None,
            };
            self.fact(&format!("{method} {template} exists"), differs);
            let Some(answer) = answer.filter(Answer::is_success) else { continue };
            if method == Method::GET && !template.contains('{') {
                self.fact(&format!("the list of {template} has has_more"), answer.has("/has_more"));
            }
            if let (Method::POST, Some(id)) = (method, answer.body.pointer("/id").and_then(Value::as_str)) {
                let made = [&path[..], &[id]].concat();
                self.send(Method::DELETE, &made, &format!("{template}/{{id}}"), None).await;
            }
        }
    }
}

fn success(response: &Response<Bytes>) -> Answer {
    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    Answer { status: response.status().as_u16(), code: None, body }
}

fn header_names(response: &Response<Bytes>) -> Vec<&str> {
    response.headers().keys().map(http::HeaderName::as_str).collect()
}

/// The names and types of a JSON value. Names that may be values, such as ids, are shown as `*`.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(items) => format!("[{}]", items.first().map(shape).unwrap_or_default()),
        Value::Object(fields) => {
            let is_name = |name: &str| name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", if is_name(name) { name } else { "*" }, shape(value))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let emulator = match std::env::var_os("BANDYER_API_SECRET_KEY") {
        Some(_) => None,
        None => Some(Emulator::start().await?),
    };
    let mut facts = Vec::new();
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let client = match &emulator {
            Some(emulator) => emulator.client_for(version)?,
            None => bandyer_client::ClientBuilder::from_env()?.api_version(version).build()?,
        };
        let mut probe = Probe { version, client, facts: Vec::new() };
        probe.make_and_read().await;
        probe.inferred_paths().await;
        facts.append(&mut probe.facts);
    }
    println!();
    for (fact, verdict) in &facts {
        println!("{:<14}{fact}", format!("{verdict:?}").to_lowercase());
    }
    let all_confirmed = facts.iter().all(|(_, verdict)| *verdict == Verdict::Confirmed);
    // The vendor may contradict; the emulator is made from the same facts.
    Ok(if emulator.is_some() && !all_confirmed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
