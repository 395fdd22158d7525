//! The vendor's API, as far as the server uses it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bandyer_client::company::{Background, CompanyProfile, LogoTheme, Palette};
use bandyer_client::credentials::AccessCredential;
use bandyer_client::rooms::{NewParticipant, RecordingMode, Room, Tools};
use bandyer_client::sessions::Session;
use bandyer_client::users;
use bandyer_client::{BackgroundAlias, Client, Download, File, RetryPolicy, RoomId, SessionId, UploadKey, UserId};
use data_encoding::HEXLOWER;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use crate::base::deadline;
use crate::domain::privileges::Role;

mod breaker;
mod error;
mod listing;
mod settings;

pub use breaker::BreakerMetrics;
pub use error::VendorError;
pub use listing::{MarkedRoom, MarkedRooms, Part, Search};
pub use settings::{CALL_TIMEOUT, VendorSettings};

use breaker::Breakers;
use listing::PAGE_SIZE;

/// Time for reading the details of a room, which a response can do without.
const DETAILS_TIMEOUT: Duration = Duration::from_secs(2);
/// The vendor's error code for a room without a plus user. It is inferred, not documented.
const NO_PLUS_USER: &str = "no_plus_user_in_room";
/// Time for one attempt to send a picture of up to 10 MB.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How many pages of 100 files of one room are read at most. A list that never ends must not keep the service busy.
const MAX_UPLOAD_PAGES: u32 = 100;
/// Files that are deleted concurrently. Few, because the vendor's quota is not known.
const DELETIONS_AT_ONCE: usize = 4;
/// Users that are created concurrently, when the vendor has lost them.
const CREATIONS_AT_ONCE: usize = 8;

/// What a room is made of.
pub struct RoomSpec {
    /// The participants, each with a role and tools.
    pub participants: Vec<(UserId, Role, Option<Tools>)>,
    /// Longest call time; `None` when unlimited.
    pub max_duration: Option<Duration>,
    /// Whether using a link makes the others ring.
    pub live: bool,
    /// Whether calls are recorded.
    pub recording: RecordingMode,
    /// Whether recordings are transcribed afterwards.
    pub transcribed: bool,
    /// The opaque text that identifies the room as made by this deployment.
    pub marker: String,
}

impl RoomSpec {
    /// Identifies what is requested, whatever the marker.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { participants, max_duration, live, recording, transcribed, marker: _ } = self;
        // Only this program reads it back, and one that an older version wrote may count as different.
        let text = format!("{participants:?} {max_duration:?} {live} {recording:?} {transcribed}");
        HEXLOWER.encode(&Sha256::digest(text)[..16])
    }
}

/// What a call is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It changes something at the vendor.
    Effect,
    /// It reads what the work on a teleconsultation depends on.
    Work,
    /// It reads what only the response shows: room details, sessions, transcriptions.
    Show,
}

/// A client of the vendor's API. Cheap to clone; clones share the connection pool and the breakers.
#[derive(Clone, Debug)]
pub struct VendorClient {
    client: Client,
    breakers: Breakers,
    /// Searches run one after another, because each reads many pages of the vendor's list.
    searching: Arc<tokio::sync::Mutex<()>>,
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, VendorError>;

impl VendorClient {
    /// Calls through this client.
    #[must_use]
    pub fn new(client: Client, metrics: BreakerMetrics) -> Self {
        Self { client, breakers: Breakers::new(metrics), searching: Arc::default() }
    }

    /// Makes a call, unless the breaker of its kind is open. Nothing is changed for a request that was answered meanwhile.
    /// Reads go on, because the room of a creation that was under way at the deadline must still be found.
    async fn guarded<T>(
        &self,
        purpose: Purpose,
        call: impl Future<Output = bandyer_client::Result<T>> + Send,
    ) -> Result<T> {
        let breaker = match purpose {
            Purpose::Effect | Purpose::Work => &self.breakers.essential,
            Purpose::Show => &self.breakers.reads,
        };
        if purpose == Purpose::Effect {
            deadline::check()?;
        }
        let permit = breaker.admit().map_err(|retry_after| VendorError::CircuitOpen { retry_after })?;
        // Boxed, because the client's futures are large and the caller's future would hold them twice.
        let result = Box::pin(call).await;
        permit.complete(error::outcome_of(&result));
        Ok(result?)
    }

    /// Creates this user unless the vendor has it already. Ids are made by this server, so a conflict means success.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn ensure_user(&self, id: &UserId, role: Role) -> Result<()> {
        let role = match role {
            Role::Basic => users::Role::Basic,
            Role::Plus => users::Role::Plus,
        };
        match self.guarded(Purpose::Effect, self.client.users().create(role).id(id.clone()).send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates a room. The call is not retried once it may have reached the vendor. If the vendor does not know a
    /// participant, all of them are created again, with the ids that they have, and the call is repeated once.
    ///
    /// # Errors
    ///
    /// The vendor's; with an unknown outcome, a room may exist nevertheless.
    pub async fn create_room(&self, order: &RoomSpec) -> Result<Room> {
        match self.create_room_with_roles(order).await {
            Err(error) if error.is_unknown_user() => {
                tracing::warn!(
                    "the vendor does not know a participant of a new room; creating the missing users again"
                );
                let people: Vec<_> = order.participants.iter().map(|(user, role, _)| (user.clone(), *role)).collect();
                let ensure = |(user, role): (UserId, Role)| async move { self.ensure_user(&user, role).await };
                let ensured = stream::iter(people).map(ensure).buffer_unordered(CREATIONS_AT_ONCE);
                let ensured = ensured.try_collect::<()>().await;
                if ensured.is_err() {
                    return Err(error);
                }
                self.create_room_with_roles(order).await
            }
            result => result,
        }
    }

    /// Creates a room. If the vendor knows no participant as a plus user, their roles are updated first.
    async fn create_room_with_roles(&self, order: &RoomSpec) -> Result<Room> {
        match self.create_room_once(order).await {
            Err(error) if error.code() == Some(NO_PLUS_USER) => {
                // A participant was created as a basic user once and is in a plus group now. The vendor's pages disagree
                // on whether a role can change; where it cannot, the refusal stands.
                tracing::info!("the vendor has no participant of a new room as a plus user; updating their roles");
                for (user, _, _) in order.participants.iter().filter(|(_, role, _)| *role == Role::Plus) {
                    let update = self.client.users().update(user).role(users::Role::Plus).send();
                    if self.guarded(Purpose::Effect, update).await.is_err() {
                        return Err(error);
                    }
                }
                self.create_room_once(order).await
            }
            result => result,
        }
    }

    async fn create_room_once(&self, order: &RoomSpec) -> Result<Room> {
        let participants = order.participants.iter().map(|(user, role, tools)| {
            let participant = NewParticipant::new(user.clone()).admin(*role == Role::Plus);
            match tools {
                Some(tools) => participant.tools(*tools),
                None => participant,
            }
        });
        let mut room = self
            .client
            .rooms()
            .create(participants)
            .live(order.live)
            .recording(order.recording.clone())
            .description(order.marker.clone());
        if let Some(duration) = order.max_duration {
            room = room.max_duration(duration);
        }
        if order.transcribed {
            room = room.offline_transcription(true);
        }
        self.guarded(Purpose::Effect, room.send()).await
    }

    /// Reads a room with its links.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn room(&self, id: &RoomId) -> Result<Room> {
        self.guarded(Purpose::Work, self.client.rooms().get(id).send()).await
    }

    /// Reads a room with a short timeout and without retries.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn room_details(&self, id: &RoomId) -> Result<Room> {
        let read = self.client.rooms().get(id).attempt_timeout(DETAILS_TIMEOUT).retry(RetryPolicy::none());
        self.guarded(Purpose::Show, read.send()).await
    }

    /// Deletes a room. One that does not exist any more counts as deleted.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn delete_room(&self, id: &RoomId) -> Result<()> {
        match self.guarded(Purpose::Effect, self.client.rooms().delete(id).send()).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            // Refused alike, deleted and read: it does not exist. A room that exists can be read.
            Err(error) if error.may_mean_not_found() => match self.room(id).await {
                Err(reading) if reading.may_mean_not_found() => Ok(()),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// The keys of the files of a room. A list that begins again ends there, and one that goes on is read up to a limit, page
    /// by page, so that it can be given up between two of them.
    async fn upload_keys(&self, room: &RoomId) -> Result<Vec<UploadKey>> {
        let list = self.client.rooms().uploads(room).page_size(PAGE_SIZE);
        let (mut keys, mut seen, mut offset) = (Vec::new(), HashSet::new(), 0);
        for _ in 0..MAX_UPLOAD_PAGES {
            let page = self.guarded(Purpose::Work, list.clone().offset(offset).send()).await?;
            let next = page.next_offset().filter(|next| *next > offset);
            let (listed, before) = (page.items.len(), keys.len());
            keys.extend(page.items.into_iter().map(|upload| upload.key).filter(|key| seen.insert(key.clone())));
            let begins_again = listed > 0 && keys.len() == before;
            match next {
                Some(next) if !begins_again => offset = next,
                _ => break,
            }
        }
        Ok(keys)
    }

    /// Deletes the files of a room, and returns how many there were and how many are gone. One that cannot be deleted does
    /// not stop the others.
    ///
    /// # Errors
    ///
    /// The vendor's, when the files cannot be listed.
    pub async fn delete_uploads(&self, room: &RoomId) -> Result<(usize, usize)> {
        // All keys first: deletions shift the pages of a list that is still being read.
        let keys = self.upload_keys(room).await?;
        let delete = |key: UploadKey| async move {
            match self.guarded(Purpose::Effect, self.client.uploads().delete(&key).send()).await {
                Ok(()) => true,
                Err(error) if error.is_not_found() => true,
                Err(error) => {
                    tracing::warn!(error = %crate::base::error_chain::chain(&error), "an upload could not be deleted");
                    false
                }
            }
        };
        let total = keys.len();
        // Without this, each file that is left at the deadline would be a line in the log.
        let keys = stream::iter(keys).take_while(|_| std::future::ready(deadline::check().is_ok()));
        let gone = keys.map(delete).buffer_unordered(DELETIONS_AT_ONCE);
        let deleted = gone.filter(|gone| std::future::ready(*gone)).count().await;
        Ok((total, deleted))
    }

    /// Adds a background picture to the company.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn add_background(&self, picture: &File) -> Result<Background> {
        self.guarded(
            Purpose::Effect,
            self.client.company().add_background(picture).attempt_timeout(UPLOAD_TIMEOUT).send(),
        )
        .await
    }

    /// Chooses the background picture that calls use.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn choose_background(&self, alias: BackgroundAlias) -> Result<CompanyProfile> {
        self.guarded(Purpose::Effect, self.client.company().update().background(alias).send()).await
    }

    /// Sets the colours of the given modes.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn set_theme(&self, light: Option<Palette>, dark: Option<Palette>) -> Result<()> {
        let mut update = self.client.company().update_theme();
        if let Some(palette) = light {
            update = update.light(palette);
        }
        if let Some(palette) = dark {
            update = update.dark(palette);
        }
        self.guarded(Purpose::Effect, update.send()).await.map(drop)
    }

    /// Sets the logo of both modes.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn set_logo(&self, picture: &File) -> Result<()> {
        self.guarded(Purpose::Effect, self.client.company().set_logo(picture).theme(LogoTheme::All).send())
            .await
            .map(drop)
    }

    /// Reads a session.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn session(&self, id: &SessionId) -> Result<Session> {
        self.guarded(Purpose::Show, self.client.sessions().get(id).send()).await
    }

    /// Downloads the transcription of a session.
    ///
    /// # Errors
    ///
    /// The vendor's; of kind [`Decode`](bandyer_client::ErrorKind::Decode) when the file is larger than the limit.
    pub async fn transcription(&self, id: &SessionId, max_bytes: u64) -> Result<Download> {
        self.guarded(Purpose::Show, self.client.transcripts().download(id).max_bytes(max_bytes).send()).await
    }

    /// Issues an SDK credential.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn issue_credential(&self, user: &UserId, lifetime: Duration) -> Result<AccessCredential> {
        self.guarded(Purpose::Effect, self.client.credentials().issue(user).expires_in(lifetime).send()).await
    }
}
