//! The calls that the emulator received.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::routes::Route;
use super::wait::{self, NotReached};
use crate::operations::Operation;

/// A call to the API. Its `Debug` leaves the query and the bodies out.
#[derive(Clone, PartialEq, Eq, Serialize)]
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
    /// The query string, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The body of the request: its JSON, or for a form the content type and the size of each field. `None` if there was none,
    /// if it is larger than 16 KiB, and for all but the newest thousand calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The body of the response, if it was JSON. `None` under the same conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// What was sent in a call, in both directions.
#[derive(Default)]
pub(super) struct Content {
    pub(super) query: Option<String>,
    pub(super) body: Option<Value>,
    pub(super) response: Option<Value>,
}

impl fmt::Debug for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedCall")
            .field("operation", &self.operation)
            .field("api_version", &self.api_version)
            .field("route", &self.route)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Largest body that is kept, in bytes. A room of 25 people has about 10 KiB.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024;
/// How many calls keep their bodies: 32 MiB at most.
const MAX_BODIES: usize = 1000;

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

    pub(super) fn completed(&self, route: &Route, status: Option<u16>, content: Content) {
        let Content { query, body, response } = content;
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
            query,
            body,
            response,
        });
        if let Some(without) = log.recorded.len().checked_sub(MAX_BODIES + 1) {
            let old = &mut log.recorded[without];
            (old.body, old.response) = (None, None);
        }
        *log.completed.entry(operation).or_default() += 1;
        drop(log);
        self.completions.send_replace(());
    }

    /// Waits until an operation has completed this many times, dropped connections included.
    pub(super) async fn until(&self, operation: Operation, times: usize, limit: Duration) -> Result<(), NotReached> {
        wait::until(
            &self.completions,
            limit,
            || self.log().completed.get(&operation).copied().unwrap_or_default() >= times,
            || format!("call {times} of `{}`", operation.name()),
            || {
                let log = self.log();
                let mut counts: Vec<_> =
                    log.completed.iter().map(|(one, n)| format!("{n} of `{}`", one.name())).collect();
                counts.sort();
                wait::listed("calls", &counts)
            },
        )
        .await
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
