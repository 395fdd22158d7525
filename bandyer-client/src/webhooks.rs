//! Webhook settings: which events the vendor reports to which URL. The module `bandyer_client::webhook` parses the events.
//!
//! The settings of the two API versions differ too much for a common interface: v1 replaces all events of a webhook version
//! together, v2 has webhooks with ids.

pub(crate) mod v1;
mod v1_only;
pub(crate) mod v2;

use std::fmt;

use jiff::Timestamp;

use crate::error::Result;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::api_version::v2_only;
use crate::types::ids::WebhookId;
use crate::types::model::model;
use crate::types::open_enum::open_enum;
use crate::types::secret::ShownUrl;

pub use self::v1_only::V1Webhooks;

open_enum! {
    /// An event that can be reported. Not all webhook versions report all events; see the vendor's page on webhooks.
    pub enum WebhookEvent {
        /// A device rings.
        CallIncoming = "on_call_incoming",
        /// A call ended.
        CallEnded = "on_call_ended",
        /// A room was created.
        RoomCreated = "on_room_created",
        /// A room was disabled.
        RoomDisabled = "on_room_disabled",
        /// A room was deleted.
        RoomDeleted = "on_room_deleted",
        /// A user rated a call.
        RoomFeedback = "on_room_new_feedback",
        /// A session started.
        SessionStarted = "on_session_started",
        /// A session resumed.
        SessionResumed = "on_session_resumed",
        /// A session paused.
        SessionPaused = "on_session_paused",
        /// A session ended.
        SessionEnded = "on_session_ended",
        /// A user joined.
        UserConnected = "on_user_connected",
        /// A user left.
        UserDisconnected = "on_user_disconnected",
        /// A recording is available.
        RecordingAvailable = "on_recording_available",
        /// A recording of a broadcast is available.
        BroadcastRecordingAvailable = "on_broadcast_recording_available",
        /// A broadcast started.
        BroadcastStarted = "on_broadcast_start",
        /// A broadcast ended.
        BroadcastStopped = "on_broadcast_stop",
        /// A publisher joined a broadcast.
        BroadcastPublisherConnected = "on_broadcast_pub_connected",
        /// A publisher left a broadcast.
        BroadcastPublisherDisconnected = "on_broadcast_pub_disconnected",
        /// A viewer joined a broadcast.
        BroadcastSubscriberConnected = "on_broadcast_sub_connected",
        /// A viewer left a broadcast.
        BroadcastSubscriberDisconnected = "on_broadcast_sub_disconnected",
        /// A user rated a broadcast.
        BroadcastFeedback = "on_broadcast_new_feedback",
        /// A chat message was sent.
        MessageSent = "on_message_sent",
        /// A tag was added to an upload.
        UploadTagAdded = "on_upload_tag_added",
        /// A tag was removed from an upload.
        UploadTagRemoved = "on_upload_tag_removed",
        /// A transcript is available.
        TranscriptionAvailable = "on_transcription_available",
        /// A signature envelope was created. The spelling of the name is the vendor's.
        SignatureEnvelopeInserted = "on_signature_enveloped_inserted",
    }
}

/// The version of the format in which events are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookVersion {
    /// `v0` on v1, `0.1` on v2. Signed with `room-id-hmac`, which does not cover the body.
    V0,
    /// `v1` on v1, `1` on v2. Signed with `bandyer-signature`.
    V1,
    /// `v2` on v1, `2` on v2. The format is not documented.
    V2,
}

model! {
    /// A webhook of v2.
    #[derive(Clone, PartialEq, Eq)]
    pub struct Webhook {
        required {
            /// The id.
            id: WebhookId = "id",
        }
        optional {
            /// The URL that receives the events.
            url: Option<String> = "url",
            /// The event.
            event: Option<WebhookEvent> = "event",
            /// The webhook version; `None` if the vendor sends one that this crate does not know.
            version: Option<WebhookVersion> = "version",
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("url", &self.url.as_deref().map(ShownUrl))
            .field("event", &self.event)
            .field("version", &self.version)
            .field("created_at", &self.created_at)
            .finish()
    }
}

model! {
    /// A webhook of v1.
    #[derive(Clone, PartialEq, Eq)]
    pub struct ActiveWebhook {
        required {
            /// The URL that receives the event.
            url: String = "post_event_webhook_url",
            /// The event.
            event: WebhookEvent = "event",
        }
        optional {
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

impl fmt::Debug for ActiveWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveWebhook")
            .field("url", &ShownUrl(&self.url))
            .field("event", &self.event)
            .field("created_at", &self.created_at)
            .finish()
    }
}

handle! {
    /// Operations on webhooks; from [`Client::webhooks`](crate::Client::webhooks).
    Webhooks
}

impl Webhooks {
    #[doc = v2_only!()]
    /// Lists the webhooks of v2. Their fields are inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let webhooks = client.webhooks().list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Webhook> {
        List::new(&self.connection, Operation::ListWebhooks, (), |_, (), window| Ok(v2::list(window)))
    }

    #[doc = v2_only!()]
    /// Adds a webhook of v2 for one event. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
    ///
    /// let (url, event) = ("https://me.example/hook", WebhookEvent::SessionEnded);
    /// let webhook = client.webhooks().create(url, &event, WebhookVersion::V1).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, url: &str, event: &WebhookEvent, version: WebhookVersion) -> Request<Webhook> {
        self.connection.request(Operation::CreateWebhook, |_| v2::create(url, event, version))
    }

    #[doc = v2_only!()]
    /// Reads one webhook of v2.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, WebhookId};
    /// # async fn run(client: Client, webhook: WebhookId) -> bandyer_client::Result<()> {
    /// let event = client.webhooks().get(&webhook).send().await?.event;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: &WebhookId) -> Request<Webhook> {
        self.connection.request(Operation::GetWebhook, |_| v2::get(id))
    }

    /// Changes a webhook of v2. Fields that are not set stay unchanged.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, WebhookId};
    /// # async fn run(client: Client, webhook: WebhookId) -> bandyer_client::Result<()> {
    /// client.webhooks().update(&webhook).url("https://me.example/other").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(&self, id: &WebhookId) -> UpdateWebhook {
        UpdateWebhook { of: self.clone(), id: id.clone(), change: WebhookChange::default() }
    }

    #[doc = v2_only!()]
    /// Removes a webhook of v2.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, WebhookId};
    /// # async fn run(client: Client, webhook: WebhookId) -> bandyer_client::Result<()> {
    /// client.webhooks().delete(&webhook).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: &WebhookId) -> Request<()> {
        self.connection.request(Operation::DeleteWebhook, |_| v2::delete(id))
    }
}

#[derive(Clone, Default)]
pub(crate) struct WebhookChange {
    pub(crate) url: Option<String>,
    pub(crate) event: Option<WebhookEvent>,
    pub(crate) version: Option<WebhookVersion>,
}

/// A change to a webhook; from [`Webhooks::update`].
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateWebhook {
    of: Webhooks,
    id: WebhookId,
    change: WebhookChange,
}

awaitable!(UpdateWebhook => Webhook);

impl UpdateWebhook {
    /// Sets the URL that receives the event.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.change.url = Some(url.into());
        self
    }

    /// Sets the event.
    pub fn event(mut self, event: WebhookEvent) -> Self {
        self.change.event = Some(event);
        self
    }

    /// Sets the webhook version.
    pub const fn version(mut self, version: WebhookVersion) -> Self {
        self.change.version = Some(version);
        self
    }

    #[doc = v2_only!()]
    /// Converts it into a [`Request`], to set a timeout or retry policy for this request.
    pub fn into_request(self) -> Request<Webhook> {
        let Self { of: Webhooks { connection }, id, change } = self;
        connection.request(Operation::UpdateWebhook, |_| v2::update(&id, &change))
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Webhook> {
        self.into_request().send().await
    }
}

impl fmt::Debug for UpdateWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateWebhook").field("id", &self.id).finish_non_exhaustive()
    }
}
