//! What was asked of the emulator.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::config::ApiVersion;

/// An operation of the vendor's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Create a user.
    CreateUser,
    /// Read a user.
    GetUser,
    /// List users.
    ListUsers,
    /// Change a user.
    UpdateUser,
    /// Delete a user.
    DeleteUser,
    /// Create a room.
    CreateRoom,
    /// Read a room.
    GetRoom,
    /// List rooms.
    ListRooms,
    /// Disable a room.
    DisableRoom,
    /// Delete a room.
    DeleteRoom,
    /// List the people of a room.
    ListParticipants,
    /// Add somebody to a room.
    AddParticipant,
    /// Read somebody in a room.
    GetParticipant,
    /// Change somebody in a room.
    UpdateParticipant,
    /// Take somebody out of a room.
    RemoveParticipant,
    /// Start recording a room.
    StartRecording,
    /// Stop recording a room.
    StopRecording,
    /// Make the devices of a room's people ring.
    RingRoom,
    /// Issue an SDK credential.
    IssueCredential,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedCall {
    /// What was asked for.
    pub operation: Operation,
    /// In which generation: `v1` or `v2`.
    pub api_version: String,
    /// The status that was answered; none where the connection was reset or left without an answer.
    pub status: Option<u16>,
}

/// How many calls are kept. A load test must not fill the memory; the counts go on.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Log {
    kept: VecDeque<RecordedCall>,
    arrived: HashMap<Operation, usize>,
    answered: HashMap<Operation, usize>,
}

#[derive(Default)]
pub(super) struct Calls {
    log: Mutex<Log>,
    one_was_answered: watch::Sender<()>,
}

impl Calls {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call when it arrives, so that one that is never answered is seen too.
    pub(super) fn arrived(&self, operation: Operation) {
        *self.log().arrived.entry(operation).or_default() += 1;
    }

    pub(super) fn answered(&self, operation: Operation, version: ApiVersion, status: Option<u16>) {
        let mut log = self.log();
        if log.kept.len() == KEPT {
            log.kept.pop_front();
        }
        log.kept.push_back(RecordedCall { operation, api_version: version.to_string(), status });
        *log.answered.entry(operation).or_default() += 1;
        drop(log);
        self.one_was_answered.send_replace(());
    }

    /// Waits until an operation was answered, or dropped on purpose, this often.
    pub(super) async fn until(&self, operation: Operation, times: usize) {
        let mut answers = self.one_was_answered.subscribe();
        while self.log().answered.get(&operation).copied().unwrap_or_default() < times {
            // The sender lives as long as this borrow of it.
            let _ = answers.changed().await;
        }
    }

    pub(super) fn all(&self) -> Vec<RecordedCall> {
        self.log().kept.iter().cloned().collect()
    }

    pub(super) fn count(&self, operation: Operation) -> usize {
        self.log().arrived.get(&operation).copied().unwrap_or_default()
    }

    pub(super) fn clear(&self) {
        *self.log() = Log::default();
    }
}
