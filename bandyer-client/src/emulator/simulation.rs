//! Simulated user actions: users join, leave and send files, and time passes.

use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::Emulator;
use super::state::{EmulatedSession, EmulatedUpload, SimulationError, State};
use super::wait::NotReached;
use super::webhook_sender::RecordedDelivery;
use crate::sessions::ConnectionChange;
use crate::types::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::uploads::UploadKind;

impl Emulator {
    fn simulate<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.shared.state());
        self.shared.flush_outbox();
        result
    }

    /// A user opens their link. The first user starts a session; call time is counted while at least two users are
    /// connected.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if the room is closed, or the user is not active, not invited or already connected.
    pub fn join(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.join(room.as_str(), user.as_str()))
    }

    /// A user leaves. The session ends with the last user; in a room that rings, with the second last.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if the user is not connected.
    pub fn leave(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.leave(room.as_str(), user.as_str(), ConnectionChange::Disconnected))
    }

    /// A user loses the connection. Like [`leave`](Self::leave), but recorded as a crash in the list of connections.
    ///
    /// # Errors
    ///
    /// As [`leave`](Self::leave).
    pub fn crash(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.leave(room.as_str(), user.as_str(), ConnectionChange::Crashed))
    }

    /// A connected user sends a file.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::emulator::Emulator;
    /// use bandyer_client::uploads::UploadKind;
    ///
    /// let emulator = Emulator::start().await?;
    /// let room = emulator.plant_room("visit");
    /// let user = emulator.users().remove(0).id;
    /// emulator.join(&room, &user)?;
    /// let key = emulator.upload(&room, &user, UploadKind::Snapshot, "a picture")?;
    /// let file = emulator.client()?.uploads().download(&key).send().await?.bytes().await?;
    /// assert_eq!(file, "a picture");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if the user is not connected.
    pub fn upload(
        &self,
        room: &RoomId,
        user: &UserId,
        kind: UploadKind,
        content: impl Into<Bytes>,
    ) -> Result<UploadKey, SimulationError> {
        self.simulate(|state| state.upload(room.as_str(), user.as_str(), kind, content.into())).map(|upload| upload.key)
    }

    /// A user rates a call, from 1 to 5.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if the session is unknown or the user was not connected.
    pub fn rate(&self, session: &SessionId, user: &UserId, rating: u8) -> Result<(), SimulationError> {
        self.simulate(|state| state.rate(session.as_str(), user.as_str(), rating))
    }

    /// Advances the clock: rooms use up their call time, links and recordings expire.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use bandyer_client::emulator::Emulator;
    ///
    /// let emulator = Emulator::start().await?;
    /// let room = emulator.plant_room("visit");
    /// let people = emulator.users();
    /// emulator.join(&room, &people[0].id)?;
    /// emulator.join(&room, &people[1].id)?;
    /// emulator.advance(Duration::from_secs(600));
    /// emulator.leave(&room, &people[0].id)?;
    /// emulator.leave(&room, &people[1].id)?;
    /// assert_eq!(emulator.sessions()[0].duration().map(|duration| duration.as_mins()), Some(10));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.simulate(|state| state.advance(by));
    }

    /// All sessions, in the order in which they started.
    #[must_use]
    pub fn sessions(&self) -> Vec<EmulatedSession> {
        self.shared.state().all_sessions().cloned().collect()
    }

    /// All uploads that have not been deleted, oldest first.
    #[must_use]
    pub fn uploads(&self) -> Vec<EmulatedUpload> {
        self.shared.state().uploads().to_vec()
    }

    /// Every attempt to deliver a webhook, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<RecordedDelivery> {
        self.shared.deliveries.all()
    }

    /// Waits until an event, such as `on_session_ended`, has been accepted this many times, up to the
    /// [limit](super::EmulatorBuilder::wait_limit).
    ///
    /// ```no_run
    /// # use bandyer_client::emulator::Emulator;
    /// # async fn run(emulator: Emulator, room: bandyer_client::RoomId) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
    ///
    /// let client = emulator.client()?;
    /// let (url, event) = ("http://127.0.0.1:8080/hook", WebhookEvent::RoomDeleted);
    /// client.webhooks().create(url, &event, WebhookVersion::V1).send().await?;
    /// client.rooms().delete(&room).send().await?;
    /// emulator.until_delivered("on_room_deleted", 1).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotReached`], which lists all deliveries.
    pub async fn until_delivered(&self, event: &str, times: usize) -> Result<(), NotReached> {
        self.shared.deliveries.until(event, times, self.wait_limit).await
    }

    /// Requests details from the company's user-details provider, as the vendor does to display a name.
    ///
    /// ```no_run
    /// # use bandyer_client::{UserId, emulator::Emulator};
    /// # async fn run(emulator: Emulator, patient: UserId) -> Result<(), Box<dyn std::error::Error>> {
    /// let url = "http://127.0.0.1:8080/who";
    /// emulator.client()?.company().update().user_details_provider(url).send().await?;
    /// let shown = emulator.ask_user_details(&[patient]).await?;
    /// assert!(shown[0].display_name.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if no provider is set, or it does not respond with 200 and the documented JSON.
    pub async fn ask_user_details(&self, users: &[UserId]) -> Result<Vec<ShownUser>, SimulationError> {
        #[derive(Deserialize)]
        struct Body {
            user_ids: Vec<ShownUser>,
        }
        let url = self.shared.state().company().user_details_provider_url.clone();
        let url = url.ok_or(SimulationError("no user-details provider is set"))?;
        let body = json!({
            "event": "user_details_request", "event_version": "1.0", "namespace": "user_details_provider",
            "data": {"user_ids": users},
        });
        let response = self.webhook_sender.request_user_details(&url, body.to_string()).await;
        let (status, body) = response.ok_or(SimulationError("the provider does not respond"))?;
        if status != http::StatusCode::OK {
            return Err(SimulationError("the provider does not respond with 200"));
        }
        let details: Body = serde_json::from_slice(&body)
            .map_err(|_| SimulationError("the provider does not respond with user details"))?;
        Ok(details.user_ids)
    }
}

/// A user as described by a user-details provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ShownUser {
    /// The user.
    pub user_id: UserId,
    /// The name to show.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The URL of a picture.
    #[serde(default)]
    pub user_avatar: Option<String>,
}
