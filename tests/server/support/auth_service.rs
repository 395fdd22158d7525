//! A stand-in for the platform's auth service, with its three ways to look up a user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::stand_in::{Call, StandIn};

/// The route by which a deployment's auth service looks up users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// `/users/<id>`; there is no list.
    ById,
    /// `/users?user_id=<id>`; other parameters are refused.
    Filter,
    /// `/users?_q=<query>`; other parameters are ignored, so that an unknown filter returns all users.
    Query,
}

pub struct AuthStandIn {
    pub http: StandIn,
    users: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl AuthStandIn {
    pub async fn start(serves: Serves) -> Self {
        let users = Arc::<Mutex<BTreeMap<String, Value>>>::default();
        let known = Arc::clone(&users);
        let http = StandIn::start(move |call| respond(call, serves, &known.lock().unwrap())).await;
        Self { http, users }
    }

    /// Adds a user in these groups, and replaces any earlier user with this id.
    pub fn has(&self, id: &str, groups: &Value, name: &str) {
        let user = json!({"user_id": id, "name": name, "app_metadata": {"groups": groups}});
        self.users.lock().unwrap().insert(id.to_owned(), user);
    }
}

fn respond(call: &Call, serves: Serves, users: &BTreeMap<String, Value>) -> (u16, Value) {
    if call.headers.get("client-type").is_some_and(|client| client == "wrong") {
        return (401, json!({"statusCode": 401, "error": "Unauthorized", "message": "unknown client"}));
    }
    let not_found = (404, json!({"statusCode": 404, "error": "Not Found", "message": "Not Found"}));
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (serves, segments.as_slice()) {
        (Serves::ById, ["users", id]) => users.get(*id).map_or(not_found, |user| (200, user.clone())),
        (Serves::Filter, ["users"]) => match call.query("user_id") {
            Some(id) => (200, users.get(id).into_iter().cloned().collect()),
            None => (400, json!({"message": "unknown filter"})),
        },
        (Serves::Query, ["users"]) => match call.query("_q").map(|query| serde_json::from_str::<Value>(query).unwrap())
        {
            Some(query) => (200, users.get(query["user_id"].as_str().unwrap()).into_iter().cloned().collect()),
            None => (200, users.values().cloned().collect()),
        },
        _ => not_found,
    }
}
