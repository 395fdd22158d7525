//! The calls that the emulator received.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::routes::Route;

macro_rules! operations {
    ($($name:ident = $text:literal,)+) => {
        /// An operation of the vendor's API. [`name`](Self::name) is equal to [`Error::operation`](crate::Error::operation).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("`", $text, "`")]
                $name,
            )+
        }

        impl Operation {
            /// All operations.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name of the operation, such as `create user`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

operations! {
    CreateUser = "create user",
    GetUser = "get user",
    ListUsers = "list users",
    UpdateUser = "update user",
    DeleteUser = "delete user",
    SetAvatar = "set avatar",
    DeleteAvatar = "delete avatar",
    SetCameraForAll = "set camera for all",
    ListUserRooms = "list user rooms",
    ListUserBroadcasts = "list user broadcasts",
    ListUserChats = "list user chats",
    ListUserUploads = "list user uploads",
    ListUserSessions = "list user sessions",
    CreateRoom = "create room",
    GetRoom = "get room",
    ListRooms = "list rooms",
    DisableRoom = "disable room",
    DeleteRoom = "delete room",
    StartRecording = "start recording",
    StopRecording = "stop recording",
    RingRoom = "ring room",
    ListRoomUploads = "list room uploads",
    ListRoomEnvelopes = "list room envelopes",
    FastCall = "fast call",
    ListParticipants = "list participants",
    AddParticipant = "add participant",
    GetParticipant = "get participant",
    UpdateParticipant = "update participant",
    RemoveParticipant = "remove participant",
    GetCompany = "get company",
    UpdateCompany = "update company",
    GetTheme = "get theme",
    UpdateTheme = "update theme",
    SetLogo = "set logo",
    ListBackgrounds = "list backgrounds",
    AddBackground = "add background",
    DeleteBackground = "delete background",
    ListTranslations = "list translations",
    SetTranslation = "set translation",
    DeleteTranslation = "delete translation",
    GetRecordingSettings = "get recording settings",
    UpdateRecordingSettings = "update recording settings",
    ListEncryptionKeys = "list encryption keys",
    CreateEncryptionKey = "create encryption key",
    GetEncryptionKey = "get encryption key",
    ListSessions = "list sessions",
    GetSession = "get session",
    ListConnections = "list connections",
    ListSessionUploads = "list session uploads",
    GetRecordingLink = "get recording link",
    GetBroadcastRecordingLink = "get broadcast recording link",
    DeleteRecording = "delete recording",
    GetTranscription = "get transcription",
    DeleteTranscription = "delete transcription",
    GetSummarization = "get summarization",
    DeleteSummarization = "delete summarization",
    ListUploads = "list uploads",
    GetUpload = "get upload",
    DeleteUpload = "delete upload",
    ListTags = "list tags",
    CreateTags = "create tags",
    DeleteTags = "delete tags",
    CreateChat = "create chat",
    RemoveChat = "remove chat",
    SendChatMessage = "send chat message",
    ListChatMessages = "list chat messages",
    ListChannels = "list channels",
    CreateChannel = "create channel",
    GetChannel = "get channel",
    DeleteChannel = "delete channel",
    ListChannelMessages = "list channel messages",
    SendChannelMessage = "send channel message",
    CreateBroadcast = "create broadcast",
    GetBroadcast = "get broadcast",
    ListBroadcasts = "list broadcasts",
    GetBroadcastLink = "get broadcast link",
    CheckLink = "check link",
    RevokeLink = "revoke link",
    ListActivity = "list activity",
    ConfigureWebhooks = "configure webhooks",
    GetActiveWebhooks = "get active webhooks",
    ListWebhooks = "list webhooks",
    CreateWebhook = "create webhook",
    GetWebhook = "get webhook",
    UpdateWebhook = "update webhook",
    DeleteWebhook = "delete webhook",
    RequestSignature = "request signature",
    ListEnvelopes = "list envelopes",
    GetEnvelope = "get envelope",
    ListSignatureTemplates = "list signature templates",
    CreateSignatureTemplate = "create signature template",
    GetSignatureTemplate = "get signature template",
    UpdateSignatureTemplate = "update signature template",
    DeleteSignatureTemplate = "delete signature template",
    IssueCredential = "issue credential",
}

/// A call to the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The operation.
    pub operation: Operation,
    /// The API version: `v1` or `v2`.
    pub api_version: String,
    /// The method and path template, without the prefix of the API version: `GET /users/{id}`.
    pub route: &'static str,
    /// The status of the response; `None` if the connection was reset or no response was sent.
    pub status: Option<u16>,
}

/// How many calls are kept, so that a load test does not fill the memory. The counters are not limited.
const MAX_RECORDED: usize = 10_000;

#[derive(Default)]
struct Log {
    recorded: VecDeque<RecordedCall>,
    arrived: HashMap<Operation, usize>,
    completed: HashMap<Operation, usize>,
}

#[derive(Default)]
pub(super) struct Calls {
    log: Mutex<Log>,
    completions: watch::Sender<()>,
}

impl Calls {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call on arrival, so that calls without a response are counted too.
    pub(super) fn arrived(&self, operation: Operation) {
        *self.log().arrived.entry(operation).or_default() += 1;
    }

    pub(super) fn completed(&self, route: &Route, status: Option<u16>) {
        let operation = route.operation;
        let mut log = self.log();
        if log.recorded.len() == MAX_RECORDED {
            log.recorded.pop_front();
        }
        log.recorded.push_back(RecordedCall {
            operation,
            api_version: route.version.to_string(),
            route: route.template,
            status,
        });
        *log.completed.entry(operation).or_default() += 1;
        drop(log);
        self.completions.send_replace(());
    }

    /// Waits until an operation has completed this many times, dropped connections included.
    pub(super) async fn until(&self, operation: Operation, times: usize) {
        let mut changes = self.completions.subscribe();
        while self.log().completed.get(&operation).copied().unwrap_or_default() < times {
            // Cannot fail: `self` owns the sender.
            let _ = changes.changed().await;
        }
    }

    pub(super) fn all(&self) -> Vec<RecordedCall> {
        self.log().recorded.iter().cloned().collect()
    }

    pub(super) fn count(&self, operation: Operation) -> usize {
        self.log().arrived.get(&operation).copied().unwrap_or_default()
    }

    pub(super) fn clear(&self) {
        *self.log() = Log::default();
    }
}
