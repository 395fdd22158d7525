//! What people do, for tests that cannot open a camera: they come, leave and send files, and time passes.

use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::Emulator;
use super::courier::RecordedDelivery;
use super::state::{EmulatedSession, EmulatedUpload, SimulationError, State};
use crate::model::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::sessions::ConnectionChange;
use crate::uploads::UploadKind;

impl Emulator {
    fn simulate<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.shared.state());
        self.shared.post();
        result
    }

    /// Somebody opens their link. The first one begins a session; call time counts while at least two are there.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] when the room is closed, or the user is not active, not invited or there already.
    pub fn join(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.join(room.as_str(), user.as_str()))
    }

    /// Somebody leaves. The last one ends the session; in a room that rings the second last one does.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] when the user is not there.
    pub fn leave(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.leave(room.as_str(), user.as_str(), ConnectionChange::Disconnected))
    }

    /// Somebody is lost. As [`leave`](Self::leave), under another name in the list of connections.
    ///
    /// # Errors
    ///
    /// As [`leave`](Self::leave).
    pub fn crash(&self, room: &RoomId, user: &UserId) -> Result<(), SimulationError> {
        self.simulate(|state| state.leave(room.as_str(), user.as_str(), ConnectionChange::Crashed))
    }

    /// Somebody who is there sends a file.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::emulator::Emulator;
    /// use bandyer_client::uploads::UploadKind;
    ///
    /// let emulator = Emulator::start().await?;
    /// let room = emulator.plant_room("visit");
    /// let somebody = emulator.users()[0].id.parse()?;
    /// emulator.join(&room, &somebody)?;
    /// let key = emulator.upload(&room, &somebody, UploadKind::Snapshot, "a picture")?;
    /// let file = emulator.client()?.uploads().download(&key).send().await?.bytes().await?;
    /// assert_eq!(file, "a picture");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SimulationError`] when the user is not there.
    pub fn upload(
        &self,
        room: &RoomId,
        user: &UserId,
        kind: UploadKind,
        content: impl Into<Bytes>,
    ) -> Result<UploadKey, SimulationError> {
        let upload = self.simulate(|state| state.upload(room.as_str(), user.as_str(), kind, content.into()))?;
        UploadKey::new(upload.key).map_err(|_| SimulationError("the user's id is too long for a key of an upload"))
    }

    /// Somebody rates a call, from 1 to 5.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] when the session is unknown or the user was not there.
    pub fn rate(&self, session: &SessionId, user: &UserId, rating: u8) -> Result<(), SimulationError> {
        self.simulate(|state| state.rate(session.as_str(), user.as_str(), rating))
    }

    /// Lets time pass: rooms use up their call time, links and recordings expire.
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
    /// emulator.join(&room, &people[0].id.parse()?)?;
    /// emulator.join(&room, &people[1].id.parse()?)?;
    /// emulator.advance(Duration::from_secs(600));
    /// emulator.leave(&room, &people[0].id.parse()?)?;
    /// emulator.leave(&room, &people[1].id.parse()?)?;
    /// assert_eq!(emulator.sessions()[0].duration().map(|duration| duration.as_mins()), Some(10));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.simulate(|state| state.advance(by));
    }

    /// All sessions, in the order in which they began.
    #[must_use]
    pub fn sessions(&self) -> Vec<EmulatedSession> {
        self.shared.state().all_sessions().cloned().collect()
    }

    /// All uploads that were not deleted, oldest first.
    #[must_use]
    pub fn uploads(&self) -> Vec<EmulatedUpload> {
        self.shared.state().uploads().to_vec()
    }

    /// Every try to deliver a webhook, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<RecordedDelivery> {
        self.shared.deliveries.all()
    }

    /// Waits until an event, such as `on_session_ended`, was accepted this often.
    ///
    /// ```no_run
    /// # use bandyer_client::emulator::Emulator;
    /// # async fn run(emulator: Emulator, room: bandyer_client::RoomId) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::webhook_settings::{WebhookEvent, WebhookVersion};
    ///
    /// let client = emulator.client()?;
    /// let (url, event) = ("http://127.0.0.1:8080/hook", WebhookEvent::RoomDeleted);
    /// client.webhooks().create(url, &event, WebhookVersion::V1).send().await?;
    /// client.rooms().delete(&room).send().await?;
    /// emulator.until_delivered("on_room_deleted", 1).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn until_delivered(&self, event: &str, times: usize) {
        self.shared.deliveries.until(event, times).await;
    }

    /// Asks the company's provider of user details, as the vendor does when somebody's name is to be shown.
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
    /// [`SimulationError`] when no provider is set, or it does not answer 200 with the documented JSON.
    pub async fn ask_user_details(&self, users: &[UserId]) -> Result<Vec<ShownUser>, SimulationError> {
        #[derive(Deserialize)]
        struct Answer {
            user_ids: Vec<ShownUser>,
        }
        let url = self.shared.state().company().user_details_provider_url.clone();
        let url = url.ok_or(SimulationError("no provider of user details is set"))?;
        let body = json!({
            "event": "user_details_request", "event_version": "1.0", "namespace": "user_details_provider",
            "data": {"user_ids": users},
        });
        let answer = self.courier.ask(&url, body.to_string()).await;
        let (status, body) = answer.ok_or(SimulationError("the provider does not answer"))?;
        if status != http::StatusCode::OK {
            return Err(SimulationError("the provider does not answer 200"));
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| SimulationError("the provider does not answer user details"))?;
        Ok(answer.user_ids)
    }
}

/// Somebody as a provider of user details describes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ShownUser {
    /// Who.
    pub user_id: UserId,
    /// The name to show.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The address of a picture.
    #[serde(default)]
    pub user_avatar: Option<String>,
}
