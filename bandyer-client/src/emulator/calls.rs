//! The calls that the emulator received.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::routes::Route;
use crate::operations::Operation;

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
