//! An in-process emulator of the vendor's API: for tests, for experiments, and for programs in other languages.
//!
//! Every operation of both API versions works on one shared state. The API key is checked first, every documented limit is
//! enforced, and responses have the vendor's shapes. Calls are simulated: users [join](Emulator::join),
//! [leave](Emulator::leave) and [upload files](Emulator::upload), and [time passes](Emulator::advance), so that sessions
//! are created, call time is used up, and rooms close. Webhooks are signed and delivered, and retried if they are not
//! accepted. [`Faults`] make it fail on purpose: error statuses, connection resets, stalls, redirects, and slow, truncated,
//! oversized or invalid responses.
//!
//! ```
//! use bandyer_client::UserId;
//! use bandyer_client::emulator::Emulator;
//! use bandyer_client::users::Role;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::start().await?;
//! let client = emulator.client()?;
//! client.users().create(Role::Plus).id(UserId::new("doc-0007")?).send().await?;
//! assert_eq!(emulator.users()[0].id, "doc-0007");
//! # Ok(())
//! # }
//! ```
//!
//! # Over HTTP
//!
//! The binary `bandyer-emulator` runs the same emulator as a server. In addition to `/rest`, `/v2` and the pages behind the
//! links, both offer control routes, which need no API key:
//!
//! | method and path | effect |
//! |---|---|
//! | `GET /_emulator/state` | all users and rooms, with links |
//! | `GET /_emulator/calls` | the recorded calls, oldest first |
//! | `POST /_emulator/faults` | adds a fault, such as `{"operation": "create_room", "action": "status", "status": 503}` |
//! | `DELETE /_emulator/faults` | removes all faults |
//! | `POST /_emulator/join`, `leave`, `crash` | a user joins, leaves or loses the connection: `{"room_id", "user_id"}` |
//! | `POST /_emulator/upload` | a user sends a file: `{"room_id", "user_id", "content"}` |
//! | `POST /_emulator/advance` | advances the clock: `{"seconds": 3600}` |
//! | `GET /_emulator/deliveries` | every attempt to deliver a webhook |
//! | `POST /_emulator/plant` | adds a user (`{"user": {"id", "role"}}`) or a room (`{"room": {"description"}}`) without an API call |
//! | `POST /_emulator/reset` | clears all state |
//!
//! # Limitations
//!
//! There is no audio or video, and recordings and transcripts are a line of text. Broadcasts have no sessions. Uploads have
//! no tags, chats no attributes. Most of v2 beyond users, rooms and credentials is not documented by the vendor; there the
//! emulator follows v1. Its behaviour for version 2 webhooks and for a retention of zero days is a guess. State is kept in
//! memory only.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::config::{ApiKey, ConfigError};
use crate::types::api_version::ApiVersion;
use crate::types::ids::{RoomId, UserId};
use crate::users::Role;

mod calls;
mod control;
mod faults;
mod input;
mod links;
mod rate_limit;
mod refusal;
mod resources;
mod routes;
mod server;
mod simulation;
mod state;
mod token;
mod wait;
mod webhook_sender;

pub use self::calls::RecordedCall;
pub use self::faults::{Action, Fault, Faults};
pub use self::simulation::ShownUser;
pub use self::state::{
    EmulatedConnection, EmulatedParticipant, EmulatedRoom, EmulatedSession, EmulatedUpload, EmulatedUser,
    SimulationError,
};
pub use self::wait::NotReached;
pub use self::webhook_sender::RecordedDelivery;
pub use crate::operations::Operation;

use self::rate_limit::RateLimit;
use self::server::Shared;
use self::state::{Settings, State};
use self::webhook_sender::{Deliveries, DeliveryPolicy, WebhookSender};

/// A running emulator. It stops when it is dropped.
pub struct Emulator {
    address: SocketAddr,
    url: String,
    key: ApiKey,
    shared: Arc<Shared>,
    webhook_sender: Arc<WebhookSender>,
    wait_limit: Duration,
    serving: JoinHandle<()>,
    delivering: JoinHandle<()>,
}

/// How long a test waits for a call or a delivery unless it says otherwise: the retries of a webhook take 15 s.
const DEFAULT_WAIT_LIMIT: Duration = Duration::from_secs(30);

impl Emulator {
    /// The default API key.
    pub const DEFAULT_KEY: &'static str = "ak_test_emulator0001";

    /// Starts on a free loopback port.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Configures an emulator before it starts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use bandyer_client::emulator::Emulator;
    ///
    /// let builder = Emulator::builder().api_key("ak_test_0123456789ab").rate_limit(1, Duration::from_secs(60));
    /// let emulator = builder.webhook_retries(2, Duration::from_millis(10)).start().await?;
    /// let client = emulator.client()?;
    /// client.users().list().send().await?;
    /// assert!(client.users().list().send().await.is_err_and(|error| error.is_rate_limited()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: Self::DEFAULT_KEY.into(),
            deliveries: DeliveryPolicy::STANDARD,
            rate_limit: None,
            wait_limit: DEFAULT_WAIT_LIMIT,
            settings: Settings { transcription: true, rooms_oldest_first: false, unknown_room_is_bad_request: false },
        }
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The base URL of an API version.
    #[must_use]
    pub fn base_url(&self, version: ApiVersion) -> String {
        format!("{}/{}", self.url, version.path_prefix())
    }

    /// The API key.
    #[must_use]
    pub const fn api_key(&self) -> &ApiKey {
        &self.key
    }

    /// A client of this emulator for v2.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be built.
    pub fn client(&self) -> Result<Client, ConfigError> {
        self.client_for(ApiVersion::V2)
    }

    /// A client of this emulator for the given API version.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be built.
    pub fn client_for(&self, version: ApiVersion) -> Result<Client, ConfigError> {
        Client::builder(self.key.clone()).base_url(self.base_url(version)).build()
    }

    /// The faults it injects.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// All users, in the order of their creation.
    #[must_use]
    pub fn users(&self) -> Vec<EmulatedUser> {
        self.shared.state().users()
    }

    /// All rooms in the order of their creation, including deleted ones; see [`EmulatedRoom::deleted`].
    #[must_use]
    pub fn rooms(&self) -> Vec<EmulatedRoom> {
        self.shared.state().rooms()
    }

    /// The rooms that are neither deleted nor disabled.
    #[must_use]
    pub fn live_rooms(&self) -> Vec<EmulatedRoom> {
        self.rooms().into_iter().filter(|room| !room.deleted && !room.disabled).collect()
    }

    /// The recorded calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.shared.calls.all()
    }

    /// The number of calls of an operation, including calls that met a fault.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::emulator::{Emulator, Operation};
    ///
    /// let emulator = Emulator::start().await?;
    /// emulator.client()?.company().get().send().await?;
    /// assert_eq!(emulator.calls_of(Operation::GetCompany), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> usize {
        self.shared.calls.count(operation)
    }

    /// Waits until an operation has been called this many times, including calls that met a fault, up to the
    /// [limit](EmulatorBuilder::wait_limit). With it, a test of background work does not need to sleep.
    ///
    /// # Errors
    ///
    /// [`NotReached`], which lists how often each operation was called.
    pub async fn until_called(&self, operation: Operation, times: usize) -> Result<(), NotReached> {
        self.shared.calls.until(operation, times, self.wait_limit).await
    }

    /// Adds a user without an API call.
    pub fn plant_user(&self, id: &UserId, role: Role) {
        self.shared.state().plant_user(id.as_str(), role);
    }

    /// Adds a room with two new users without an API call.
    pub fn plant_room(&self, description: &str) -> RoomId {
        self.shared.state().plant_room(description)
    }

    /// From now on, lists rooms oldest first. The vendor's reference says newest first, of v1 only.
    pub fn list_rooms_oldest_first(&self) {
        self.shared.state().settings_mut().rooms_oldest_first = true;
    }

    /// From now on, responds with 400 and a code without meaning to requests about a room that does not exist. The vendor
    /// documents no such response.
    pub fn answer_unknown_rooms_with_bad_request(&self) {
        self.shared.state().settings_mut().unknown_room_is_bad_request = true;
    }

    /// Clears all state, including calls and faults, and resets the clock. Webhooks already on their way are still
    /// delivered.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops the emulator and closes its connections.
    pub async fn stop(mut self) {
        self.serving.abort();
        self.delivering.abort();
        // The tasks were just aborted, so an error is expected.
        let _ = (&mut self.serving).await;
        let _ = (&mut self.delivering).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.serving.abort();
        self.delivering.abort();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Settings of an [`Emulator`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start()` is awaited"]
pub struct EmulatorBuilder {
    address: SocketAddr,
    key: ApiKey,
    deliveries: DeliveryPolicy,
    rate_limit: Option<(u32, Duration)>,
    wait_limit: Duration,
    settings: Settings,
}

impl EmulatorBuilder {
    /// The address to listen on. Default: a free loopback port.
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The API key. Default: [`Emulator::DEFAULT_KEY`].
    pub fn api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.key = key.into();
        self
    }

    /// The attempts per webhook and the delay before the second attempt; the delay doubles before each further attempt.
    /// Default: 5 attempts and 1 second.
    pub const fn webhook_retries(mut self, attempts: u32, first_pause: Duration) -> Self {
        self.deliveries.attempts = attempts;
        self.deliveries.first_pause = first_pause;
        self
    }

    /// Responds with 429 and `retry-after` to requests beyond this number within a window. Default: no limit. The vendor does
    /// not document its quota or headers; its sample apps wait for a minute.
    pub const fn rate_limit(mut self, requests: u32, window: Duration) -> Self {
        self.rate_limit = Some((requests, window));
        self
    }

    /// How long [`until_called`](Emulator::until_called) and [`until_delivered`](Emulator::until_delivered) wait, in real time.
    /// Default: 30 s.
    pub const fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = limit;
        self
    }

    /// Whether transcription is enabled for the company. Default: yes.
    pub const fn transcription(mut self, yes: bool) -> Self {
        self.settings.transcription = yes;
        self
    }

    /// Starts the emulator.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound or the HTTP client for webhooks cannot be built.
    pub async fn start(self) -> io::Result<Emulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let deliveries = Arc::new(Deliveries::default());
        let webhook_sender = Arc::new(WebhookSender::new(self.key.clone(), self.deliveries, Arc::clone(&deliveries))?);
        let (outbox, queue) = mpsc::unbounded_channel();
        let state = State::new(url.clone(), self.settings);
        let rate_limit = self.rate_limit.map(|(requests, window)| RateLimit::new(requests, window));
        let shared = Arc::new(Shared::new(self.key.clone(), state, deliveries, rate_limit, outbox));
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        let delivering = tokio::spawn(Arc::clone(&webhook_sender).run(queue));
        let wait_limit = self.wait_limit;
        Ok(Emulator { address, url, key: self.key, shared, webhook_sender, wait_limit, serving, delivering })
    }
}
