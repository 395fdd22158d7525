//! The server in this process: the same code as the binary, on a free port, with a store in a temporary folder.

use std::ops::Deref;
use std::time::Duration;

use bandyer_client::{ApiVersion, RoomId, UserId};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use teleconsult_server::app::{Running, Stopped};
use teleconsult_server::config::Config;

use super::auth_service::{AuthStandIn, Serves};
use super::clock::TestClock;
use super::database::Kind;
use super::environment::{Environment, Setup};
use super::output;

/// The longest wait for something that happens in the background. Only a failing test waits this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test waits before it looks again. A loop without a pause takes the processor from what it waits for.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits before the next look at something that happens in the background.
pub async fn pause() {
    tokio::time::sleep(POLL_INTERVAL).await;
}

/// Runs each test on both generations of the vendor's API, with profiles from the caller or from the auth service, and with
/// records in the embedded store, in PostgreSQL or in the CRUD Service. `with` names a function that returns the variables
/// for a generation.
macro_rules! on_every_platform {
    ($( async fn $name:ident($service:ident: $type:ty) $body:block )+) => {
        $crate::support::service::on_every_platform!(
            with $crate::support::service::no_variables; $( async fn $name($service: $type) $body )+
        );
    };
    (with $variables:path; $( async fn $name:ident($service:ident: $type:ty) $body:block )+) => {
        $crate::support::service::on_every_platform!(@ v1_embedded V1 ALONE $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v2_embedded V2 ALONE $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v1_embedded_auth V1 AUTH $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v2_embedded_auth V2 AUTH $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v1_postgres_auth V1 POSTGRES_AUTH $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v2_postgres V2 POSTGRES $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v1_crud V1 CRUD $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v2_crud V2 CRUD $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v1_crud_auth V1 BOTH $variables, $( $name $service $type $body )+);
        $crate::support::service::on_every_platform!(@ v2_crud_auth V2 BOTH $variables, $( $name $service $type $body )+);
    };
    (@ $module:ident $version:ident $platform:ident $variables:path, $( $name:ident $service:ident $type:ty $body:block )+) => {
        mod $module {
            use super::*;
            $( #[tokio::test] async fn $name() {
                use $crate::support::service::Platform;
                let version = bandyer_client::ApiVersion::$version;
                let $service: $type = $crate::support::Service::on(Platform::$platform, version, $variables(version)).await;
                $body
            } )+
        }
    };
}
pub(crate) use on_every_platform;

/// Runs each test on both versions of the vendor's API, for what depends on neither the store nor the auth service.
macro_rules! on_both_versions {
    ($( async fn $name:ident($service:ident: $type:ty) $body:block )+) => {
        $crate::support::service::on_every_platform!(
            @ v1_embedded V1 ALONE $crate::support::service::no_variables, $( $name $service $type $body )+
        );
        $crate::support::service::on_every_platform!(
            @ v2_embedded V2 ALONE $crate::support::service::no_variables, $( $name $service $type $body )+
        );
    };
}
pub(crate) use on_both_versions;

/// Environment variables that a test sets.
pub type Variables = &'static [(&'static str, &'static str)];

pub fn no_variables(_: ApiVersion) -> Variables {
    &[]
}

/// The platform services and the database that a server uses.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    pub auth: Option<Serves>,
    pub crud: bool,
    pub database: Kind,
}

impl Platform {
    pub const ALONE: Self = Self { auth: None, crud: false, database: Kind::Embedded };
    pub const AUTH: Self = Self { auth: Some(Serves::Filter), ..Self::ALONE };
    pub const POSTGRES: Self = Self { database: Kind::Postgres, ..Self::ALONE };
    pub const POSTGRES_AUTH: Self = Self { auth: Some(Serves::ById), ..Self::POSTGRES };
    pub const CRUD: Self = Self { crud: true, ..Self::ALONE };
    pub const POSTGRES_CRUD: Self = Self { database: Kind::Postgres, ..Self::CRUD };
    pub const BOTH: Self = Self { auth: Some(Serves::ById), ..Self::CRUD };
}

/// A server in this process. The fields of its [`Environment`] are reached through it.
pub struct Service {
    environment: Environment,
    /// The clock of the server, and of the embedded database.
    pub clock: TestClock,
    running: Option<Running>,
    config: Config,
    http: reqwest::Client,
}

impl Deref for Service {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

/// A response of the server.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Response {
    async fn read(path: &str, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        output::keep_response(path, status, &text);
        Self { status, headers, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The `message` or `error` sentence.
    pub fn sentence(&self) -> String {
        let body = self.json();
        body.get("message").unwrap_or(&body["error"]).as_str().unwrap().to_owned()
    }
}

impl Service {
    pub async fn start(version: ApiVersion, variables: &[(&str, &str)]) -> Self {
        Self::on(Platform::ALONE, version, variables).await
    }

    /// Starts a server with these platform services.
    pub async fn on(platform: Platform, version: ApiVersion, variables: &[(&str, &str)]) -> Self {
        Setup::default().platform(platform).version(version).variables(variables).in_process().await
    }

    pub(super) async fn start_in(environment: Environment) -> Self {
        output::keep_log();
        let config = Config::from_lookup(&|name| environment.variable(name)).unwrap();
        let clock = TestClock::default();
        let running = Some(Running::start(&config, clock.source()).await.unwrap());
        Self { environment, clock, running, config, http: http_client() }
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().address()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Starts another instance among the same neighbours, with a clock of its own.
    pub async fn start_beside(&self, clock: &TestClock) -> Running {
        Running::start(&self.config, clock.source()).await.unwrap()
    }

    /// Stops gracefully and starts again on the same store.
    pub async fn restart(&mut self) {
        assert_eq!(self.running.take().unwrap().stop().await, Stopped::default());
        self.running = Some(self.start_beside(&self.clock).await);
    }

    /// As [`Service::restart`], with more variables, or others.
    pub async fn restart_with(&mut self, others: &[(&str, &str)]) {
        let other = |name: &str| others.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        self.config = Config::from_lookup(&|name| other(name).or_else(|| self.environment.variable(name))).unwrap();
        self.restart().await;
    }

    /// As [`Service::restart`], with this time for the response to each request.
    pub async fn restart_with_request_timeout(&mut self, timeout: Duration) {
        self.config.http.requests.timeout = timeout;
        self.restart().await;
    }

    /// As [`Service::restart`], with every pending retirement and every write of unknown outcome due.
    pub async fn restart_later(&mut self) {
        assert_eq!(self.running.take().unwrap().stop().await, Stopped::default());
        self.database.execute("UPDATE retirements SET due_at = 0 WHERE gone_at IS NULL").await;
        self.database.execute("UPDATE document_writes SET due_at = 0").await;
        self.running = Some(self.start_beside(&self.clock).await);
    }

    pub async fn call(&self, method: Method, path: &str, user: Option<&str>, body: Option<&Value>) -> Response {
        let body = body.map(|body| self.with_known_people(body));
        let mut request = self.http.request(method, format!("http://{}{path}", self.address()));
        if let Some(user) = user {
            request = request.header("miauserid", user);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Response::read(path, request.send().await.unwrap()).await
    }

    /// With an auth service, moves the profiles of a body to it, so that the body contains only ids.
    fn with_known_people(&self, body: &Value) -> Value {
        let (mut body, Some(auth)) = (body.clone(), &self.auth) else { return body.clone() };
        let many = body.pointer_mut("/participants/data").and_then(Value::as_array_mut).map(|list| list.iter_mut());
        match many {
            Some(many) => many.for_each(|one| move_profile(one, auth)),
            None => move_profile(&mut body, auth),
        }
        body
    }

    /// As [`Service::post`], under an `Idempotency-Key`.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Response {
        self.post_keyed_as(None, path, key, body).await
    }

    /// The same as this person.
    pub async fn post_keyed_as(&self, user: Option<&str>, path: &str, key: &str, body: &Value) -> Response {
        let mut request = self.http.post(format!("http://{}{path}", self.address()));
        if let Some(user) = user {
            request = request.header("miauserid", user);
        }
        let request = request.header("idempotency-key", key).json(&self.with_known_people(body));
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Response { status, headers, text: response.text().await.unwrap() }
    }

    /// The value of a metric with these labels, if it exists.
    pub async fn metric(&self, line: &str) -> Option<f64> {
        let response = self.get("/-/metrics", "").await;
        assert_eq!(response.status, 200, "{response:?}");
        let found = response.text.lines().find_map(|shown| shown.strip_prefix(line)?.strip_prefix(' '));
        found.map(|value| value.parse().unwrap())
    }

    /// Waits until a metric satisfies the condition.
    pub async fn until_metric(&self, line: &str, is_reached: impl Fn(f64) -> bool) {
        let reached = async {
            while !self.metric(line).await.is_some_and(&is_reached) {
                pause().await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{line} stays {:?}", self.metric(line).await);
    }

    pub async fn get(&self, path: &str, user: &str) -> Response {
        self.call(Method::GET, path, Some(user), None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.call(Method::POST, path, None, Some(body)).await
    }

    pub async fn patch(&self, id: &str, body: &Value) -> Response {
        self.call(Method::PATCH, &format!("/teleconsultation/{id}"), None, Some(body)).await
    }

    pub async fn delete(&self, id: &str) -> Response {
        self.call(Method::DELETE, &format!("/teleconsultation/{id}"), None, None).await
    }

    /// Requests a teleconsultation as this person.
    pub async fn view(&self, id: &str, user: &str) -> Response {
        self.get(&format!("/teleconsultation/{id}"), user).await
    }

    /// Creates a teleconsultation with these people and returns its id.
    pub async fn create(&self, start: &str, number: usize, people: &[Value]) -> String {
        let response = self.post("/teleconsultation", &consultation(start, number, people)).await;
        assert_eq!(response.status, 201, "{response:?}");
        response.json()["roomId"].as_str().unwrap().to_owned()
    }

    /// Creates one with a doctor and a patient that starts now, so that links are shown.
    pub async fn create_running(&self) -> String {
        self.create(&in_minutes(0), 2, &[doctor(), patient()]).await
    }

    /// Creates one with a doctor and a patient that starts in an hour, so that it can be changed.
    pub async fn create_later(&self) -> String {
        self.create(&in_minutes(60), 2, &[doctor(), patient()]).await
    }

    /// The personal link of a person; it must be visible.
    pub async fn link(&self, id: &str, user: &str) -> String {
        let view = self.view(id, user).await;
        assert_eq!(view.status, 200, "{view:?}");
        view.json()["accessLinkURL"].as_str().expect("a link").to_owned()
    }

    /// The vendor's only live room, and its two users: the doctor's and the patient's.
    pub fn room_and_users(&self) -> (RoomId, Vec<UserId>) {
        let room = self.emulator.live_rooms().pop().expect("a room");
        let users = room.participants.iter().map(|one| UserId::new(one.user_id.as_str()).unwrap()).collect();
        (room.id, users)
    }

    /// Sends a picture as a multipart form.
    pub async fn send_picture(&self, user: Option<&str>, part: &'static str, bytes: Vec<u8>) -> Response {
        let boundary = "boundary-of-the-test";
        let mut body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{part}\"; filename=\"b.jpg\"\r\n\
             content-type: image/jpeg\r\n\r\n"
        )
        .into_bytes();
        body.extend(bytes);
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        let mut request = self.http.post(format!("http://{}/settings/background-image", self.address()));
        request = request.header("content-type", format!("multipart/form-data; boundary={boundary}")).body(body);
        if let Some(user) = user {
            request = request.header("miauserid", user);
        }
        Response::read("/settings/background-image", request.send().await.unwrap()).await
    }

    /// Opens a link as a browser does.
    pub async fn open(&self, link: &str) -> (u16, String) {
        let response = self.http.get(link).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The vendor user of a person, as the server reports it.
    pub async fn vendor_user(&self, id: &str, user: &str) -> String {
        self.view(id, user).await.json()["bandyerUserId"].as_str().unwrap().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        output::until_log_is_kept();
    }
}

fn move_profile(person: &mut Value, auth: &AuthStandIn) {
    let Some(fields) = person.as_object_mut() else { return };
    let groups = fields.remove("groups").or_else(|| fields.remove("group"));
    let name = fields.remove("fullName");
    let id = fields.get("userId").or_else(|| fields.get("userExternalId"));
    let (Some(id), Some(groups), Some(name)) = (id, groups, name) else { return };
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    auth.has(&id, &groups, name.as_str().unwrap());
}

/// A client with a timeout that follows no redirects.
pub fn http_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().timeout(3 * PATIENCE).redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap()
}

pub fn in_minutes(minutes: i64) -> String {
    format!("{:.3}", Timestamp::now() + SignedDuration::from_mins(minutes))
}

pub fn person(id: &str, group: &str) -> Value {
    json!({"userId": id, "groups": [group], "fullName": format!("Name of {id}")})
}

pub fn doctor() -> Value {
    person("dr.rossi", "doctor")
}

pub fn patient() -> Value {
    person("patient-42", "patient")
}

pub fn consultation(start: &str, number: usize, people: &[Value]) -> Value {
    json!({"start_date": start, "duration_in_seconds": 1800, "participants": {"number": number, "data": people}})
}

/// The header of a JPEG of this size, which is all that the emulator reads.
pub fn jpeg(side: u16) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xc0\0\x11\x08".to_vec();
    bytes.extend(side.to_be_bytes());
    bytes.extend(side.to_be_bytes());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xd9]);
    bytes
}
