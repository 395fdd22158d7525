//! The vendor in one process: for your tests, for trying things out, and for programs in other languages.
//!
//! Every operation of both generations works on one shared state. The key is checked first, every documented limit holds,
//! and answers have the vendor's own shapes. What people do is simulated: they [join](Emulator::join) and
//! [leave](Emulator::leave), [upload](Emulator::upload), and [time passes](Emulator::advance), so that sessions are made,
//! call time is used up, and rooms close. Webhooks are delivered and signed, and tried again when they are not accepted.
//! [`Faults`] make it misbehave on purpose: refuse, reset, stall, redirect, answer slowly, half, too much or with nonsense.
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
//! The binary `bandyer-emulator` serves the same without Rust. Beside `/rest`, `/v2` and the pages behind the links,
//! both offer control routes that need no key:
//!
//! | method and path | what it does |
//! |---|---|
//! | `GET /_emulator/state` | all users and rooms, with links |
//! | `GET /_emulator/calls` | what was asked, oldest first |
//! | `POST /_emulator/faults` | adds a fault, such as `{"operation": "create_room", "action": "status", "status": 503}` |
//! | `DELETE /_emulator/faults` | removes all faults |
//! | `POST /_emulator/join`, `leave`, `crash` | somebody comes, leaves or is lost: `{"room_id", "user_id"}` |
//! | `POST /_emulator/upload` | somebody sends a file: `{"room_id", "user_id", "content"}` |
//! | `POST /_emulator/advance` | lets time pass: `{"seconds": 3600}` |
//! | `GET /_emulator/deliveries` | every try to deliver a webhook |
//! | `POST /_emulator/plant` | adds a user (`{"user": {"id", "role"}}`) or a room (`{"room": {"description"}}`) that nobody made |
//! | `POST /_emulator/reset` | forgets everything |
//!
//! # What it does not do
//!
//! There is no sound or picture, and recordings and transcripts are a line of text. Broadcasts have no sessions. Uploads get
//! no tags, chats no attributes. Where the vendor's own behaviour is not documented, and that is most of v2 beyond users,
//! rooms and credentials, the emulator follows the first generation; what it does to webhooks of version 2 and to zero days
//! of retention is a guess. State is in memory alone.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::config::{ApiKey, ApiVersion, ConfigError};
use crate::model::ids::{RoomId, UserId};
use crate::users::Role;

mod calls;
mod control;
mod courier;
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

pub use self::calls::{Operation, RecordedCall};
pub use self::courier::RecordedDelivery;
pub use self::faults::{Action, Fault, Faults};
pub use self::simulation::ShownUser;
pub use self::state::{
    EmulatedConnection, EmulatedParticipant, EmulatedRoom, EmulatedSession, EmulatedUpload, EmulatedUser,
    SimulationError,
};

use self::courier::{Courier, Deliveries, DeliveryPolicy};
use self::rate_limit::RateLimit;
use self::server::Shared;
use self::state::{Settings, State};

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    address: SocketAddr,
    url: String,
    key: ApiKey,
    shared: Arc<Shared>,
    courier: Arc<Courier>,
    serving: JoinHandle<()>,
    delivering: JoinHandle<()>,
}

impl Emulator {
    /// The key that is valid unless another one is set.
    pub const DEFAULT_KEY: &'static str = "ak_test_emulator0001";

    /// Starts on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Starts with other settings.
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
            settings: Settings { transcription: true },
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL without path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The base URL of one generation.
    #[must_use]
    pub fn base_url(&self, version: ApiVersion) -> String {
        format!("{}/{}", self.url, version.path_prefix())
    }

    /// The key that is valid.
    #[must_use]
    pub const fn api_key(&self) -> &ApiKey {
        &self.key
    }

    /// A client of this emulator that speaks v2.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn client(&self) -> Result<Client, ConfigError> {
        self.client_for(ApiVersion::V2)
    }

    /// A client of this emulator that speaks one generation.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn client_for(&self, version: ApiVersion) -> Result<Client, ConfigError> {
        Client::builder(self.key.clone()).base_url(self.base_url(version)).build()
    }

    /// The faults it shows.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// All users, in the order of their creation.
    #[must_use]
    pub fn users(&self) -> Vec<EmulatedUser> {
        self.shared.state().users()
    }

    /// All rooms that ever were, in the order of their creation; see [`EmulatedRoom::deleted`].
    #[must_use]
    pub fn rooms(&self) -> Vec<EmulatedRoom> {
        self.shared.state().rooms()
    }

    /// The rooms that are neither deleted nor disabled.
    #[must_use]
    pub fn live_rooms(&self) -> Vec<EmulatedRoom> {
        self.rooms().into_iter().filter(|room| !room.deleted && !room.disabled).collect()
    }

    /// What was asked, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.shared.calls.all()
    }

    /// How often one operation was asked for, faults included.
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

    /// Waits until one operation was carried out this often, faults included. For what a program does in the background:
    /// no test needs to sleep.
    pub async fn until_called(&self, operation: Operation, times: usize) {
        self.shared.calls.until(operation, times).await;
    }

    /// Adds a user that the program under test did not make.
    pub fn plant_user(&self, id: &UserId, role: Role) {
        self.shared.state().plant_user(id.as_str(), role);
    }

    /// Adds a room that the program under test did not make, with two users of its own.
    pub fn plant_room(&self, description: &str) -> RoomId {
        RoomId::new(self.shared.state().plant_room(description)).unwrap_or_else(|_| unreachable!("ids are hex digits"))
    }

    /// Forgets everything it was told, calls and faults among it, and sets its clock back. Webhooks that are on their way
    /// still arrive.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops it and closes its connections.
    pub async fn stop(mut self) {
        self.serving.abort();
        self.delivering.abort();
        // Aborted is what they are asked to be.
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
    settings: Settings,
}

impl EmulatorBuilder {
    /// Where to listen; a free port of loopback unless set.
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The key that is valid; [`Emulator::DEFAULT_KEY`] unless set.
    pub fn api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.key = key.into();
        self
    }

    /// How often a webhook is tried, and how long it waits before the second try; the wait doubles before each further one.
    /// Five times and a second unless set.
    pub const fn webhook_retries(mut self, attempts: u32, first_pause: Duration) -> Self {
        self.deliveries.attempts = attempts;
        self.deliveries.first_pause = first_pause;
        self
    }

    /// Answers 429 with `retry-after` beyond this many requests within a window; never unless set. The vendor's own quota and
    /// headers are not documented; its sample apps wait for a minute.
    pub const fn rate_limit(mut self, requests: u32, window: Duration) -> Self {
        self.rate_limit = Some((requests, window));
        self
    }

    /// Whether the company may transcribe; it may unless set.
    pub const fn transcription(mut self, yes: bool) -> Self {
        self.settings.transcription = yes;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on, or the HTTP client for webhooks cannot be made.
    pub async fn start(self) -> io::Result<Emulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let deliveries = Arc::new(Deliveries::default());
        let courier = Arc::new(Courier::new(self.key.clone(), self.deliveries, Arc::clone(&deliveries))?);
        let (outbox, posted) = mpsc::unbounded_channel();
        let state = State::new(url.clone(), self.settings);
        let rate_limit = self.rate_limit.map(|(requests, window)| RateLimit::new(requests, window));
        let shared = Arc::new(Shared::new(self.key.clone(), state, deliveries, rate_limit, outbox));
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        let delivering = tokio::spawn(Arc::clone(&courier).work(posted));
        Ok(Emulator { address, url, key: self.key, shared, courier, serving, delivering })
    }
}
