//! Delivers reports to whoever asked for them: signed, in order, and again when they are not accepted.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{StatusCode, header};
use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::state::{Delivery, Proof};
use crate::config::ApiKey;
use crate::http::transport::{HttpClient, default_client};
use crate::model::secret::ShownUrl;
use crate::webhook::{sign, sign_room_id};

/// How many tries are kept. A load test must not fill the memory.
const KEPT: usize = 10_000;

/// How reports are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryPolicy {
    /// Tries of one report.
    pub(super) attempts: u32,
    /// Wait before the second try; it doubles before each further one.
    pub(super) first_pause: Duration,
    /// Time for the answer to one try.
    pub(super) timeout: Duration,
}

impl DeliveryPolicy {
    /// The vendor says that it tries again, and neither how often nor when.
    pub(super) const STANDARD: Self =
        Self { attempts: 5, first_pause: Duration::from_secs(1), timeout: Duration::from_secs(10) };

    /// The tries after the first, and how long each of them waits.
    fn repeats(self) -> impl Iterator<Item = (u32, Duration)> {
        let pauses = std::iter::successors(Some(self.first_pause), |pause| Some(pause.saturating_mul(2)));
        (2..=self.attempts).zip(pauses)
    }
}

/// One try to deliver a report.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RecordedDelivery {
    /// What was reported.
    pub event: String,
    /// Where.
    pub url: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// What was answered; none when nothing was. Anything but 200 is tried again.
    pub status: Option<u16>,
}

impl fmt::Debug for RecordedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedDelivery")
            .field("event", &self.event)
            .field("url", &ShownUrl(&self.url))
            .field("attempt", &self.attempt)
            .field("status", &self.status)
            .finish()
    }
}

/// What was delivered so far.
#[derive(Default)]
pub(super) struct Deliveries {
    log: Mutex<VecDeque<RecordedDelivery>>,
    one_was_tried: watch::Sender<()>,
}

impl Deliveries {
    fn log(&self) -> MutexGuard<'_, VecDeque<RecordedDelivery>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<RecordedDelivery> {
        self.log().iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.log().clear();
    }

    fn add(&self, delivery: RecordedDelivery) {
        let mut log = self.log();
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(delivery);
        drop(log);
        self.one_was_tried.send_replace(());
    }

    /// Waits until an event was accepted this often.
    pub(super) async fn until(&self, event: &str, times: usize) {
        let mut tries = self.one_was_tried.subscribe();
        let accepted = |one: &&RecordedDelivery| one.event == event && one.status == Some(200);
        while self.log().iter().filter(accepted).count() < times {
            // The sender lives as long as this borrow of it.
            let _ = tries.changed().await;
        }
    }
}

pub(super) struct Courier {
    key: ApiKey,
    policy: DeliveryPolicy,
    http: HttpClient,
    deliveries: Arc<Deliveries>,
}

impl Courier {
    /// Fails when no HTTP client can be made.
    pub(super) fn new(key: ApiKey, policy: DeliveryPolicy, deliveries: Arc<Deliveries>) -> std::io::Result<Self> {
        let http = default_client(policy.timeout).map_err(std::io::Error::other)?;
        Ok(Self { key, policy, http, deliveries })
    }

    /// Works until it is dropped. Each receiver has a queue of its own, so that a slow one delays only itself; a report
    /// that is not accepted leaves the queue and is tried again on the side.
    pub(super) async fn work(self: Arc<Self>, mut outbox: UnboundedReceiver<Delivery>) {
        let mut queues: HashMap<String, UnboundedSender<Delivery>> = HashMap::new();
        // Dropped with this task, and with it all tries.
        let mut receivers = JoinSet::new();
        while let Some(delivery) = outbox.recv().await {
            let queue = queues.entry(delivery.url.clone()).or_insert_with(|| {
                let (sender, queue) = mpsc::unbounded_channel();
                receivers.spawn(Arc::clone(&self).serve(queue));
                sender
            });
            // The other end lives as long as `receivers`.
            let _ = queue.send(delivery);
        }
    }

    async fn serve(self: Arc<Self>, mut queue: UnboundedReceiver<Delivery>) {
        let mut repeats = JoinSet::new();
        while let Some(delivery) = queue.recv().await {
            if !self.attempt(&delivery, 1).await {
                repeats.spawn(Arc::clone(&self).repeat(delivery));
            }
        }
    }

    async fn repeat(self: Arc<Self>, delivery: Delivery) {
        for (attempt, pause) in self.policy.repeats() {
            tokio::time::sleep(pause).await;
            if self.attempt(&delivery, attempt).await {
                return;
            }
        }
    }

    async fn attempt(&self, delivery: &Delivery, attempt: u32) -> bool {
        let (name, value) = match &delivery.proof {
            Proof::Body => ("bandyer-signature", sign(&self.key, delivery.body.as_bytes(), Timestamp::now())),
            Proof::RoomId(room) => ("room-id-hmac", sign_room_id(&self.key, room)),
        };
        let request = self
            .http
            .post(delivery.url.as_str())
            .timeout(self.policy.timeout)
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value)
            .body(delivery.body.clone());
        let status = request.send().await.ok().map(|response| response.status());
        tracing::info!(event = delivery.event, attempt, status = status.map(|status| status.as_u16()), "webhook");
        self.deliveries.add(RecordedDelivery {
            event: delivery.event.clone(),
            url: delivery.url.clone(),
            attempt,
            status: status.map(|status| status.as_u16()),
        });
        status == Some(StatusCode::OK)
    }

    /// Asks a provider of user details, and gives the status and what it answered.
    pub(super) async fn ask(&self, url: &str, body: String) -> Option<(StatusCode, Vec<u8>)> {
        let signature = sign(&self.key, body.as_bytes(), Timestamp::now());
        let request = self
            .http
            .post(url)
            .timeout(self.policy.timeout)
            .header(header::CONTENT_TYPE, "application/json")
            .header("bandyer-signature", signature)
            .body(body);
        let response = request.send().await.ok()?;
        Some((response.status(), response.bytes().await.ok()?.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::DeliveryPolicy;

    #[test]
    fn a_report_is_tried_five_times_and_the_wait_doubles() {
        let repeats: Vec<_> = DeliveryPolicy::STANDARD.repeats().map(|(n, pause)| (n, pause.as_secs())).collect();
        assert_eq!(repeats, [(2, 1), (3, 2), (4, 4), (5, 8)]);
        assert_eq!(DeliveryPolicy { attempts: 1, ..DeliveryPolicy::STANDARD }.repeats().count(), 0);
    }
}
