//! Sends webhooks: signed, in order per receiver, with retries while they are not accepted.

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
use super::wait::{self, NotReached};
use crate::config::ApiKey;
use crate::events::{sign, sign_room_id};
use crate::http::transport::{HttpClient, http_client};
use crate::types::secret::ShownUrl;

/// How many attempts are kept, so that a load test does not fill the memory.
const MAX_RECORDED: usize = 10_000;

/// How webhooks are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryPolicy {
    /// Attempts per delivery.
    pub(super) attempts: u32,
    /// Delay before the second attempt; it doubles before each further attempt.
    pub(super) first_pause: Duration,
    /// Timeout of one attempt.
    pub(super) timeout: Duration,
}

impl DeliveryPolicy {
    /// The vendor documents that it retries, but neither how often nor when.
    pub(super) const STANDARD: Self =
        Self { attempts: 5, first_pause: Duration::from_secs(1), timeout: Duration::from_secs(10) };

    /// The attempts after the first, with the delay before each.
    fn retries(self) -> impl Iterator<Item = (u32, Duration)> {
        let pauses = std::iter::successors(Some(self.first_pause), |pause| Some(pause.saturating_mul(2)));
        (2..=self.attempts).zip(pauses)
    }
}

/// An attempt to deliver a webhook.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RecordedDelivery {
    /// The name of the event.
    pub event: String,
    /// The URL of the receiver.
    pub url: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The status of the response; `None` without a response. Anything but 200 is retried.
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

/// The attempts so far.
#[derive(Default)]
pub(super) struct Deliveries {
    log: Mutex<VecDeque<RecordedDelivery>>,
    changes: watch::Sender<()>,
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
        if log.len() == MAX_RECORDED {
            log.pop_front();
        }
        log.push_back(delivery);
        drop(log);
        self.changes.send_replace(());
    }

    /// Waits until an event has been accepted this many times.
    pub(super) async fn until(&self, event: &str, times: usize, limit: Duration) -> Result<(), NotReached> {
        let accepted = |one: &&RecordedDelivery| one.event == event && one.status == Some(200);
        let line = |one: &RecordedDelivery| {
            let status = one.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
            format!("{}, attempt {}: {status}", one.event, one.attempt)
        };
        wait::until(
            &self.changes,
            limit,
            || self.log().iter().filter(accepted).count() >= times,
            || format!("accepted delivery {times} of `{event}`"),
            || wait::listed("deliveries", &self.log().iter().map(line).collect::<Vec<_>>()),
        )
        .await
    }
}

pub(super) struct WebhookSender {
    key: ApiKey,
    policy: DeliveryPolicy,
    http: HttpClient,
    deliveries: Arc<Deliveries>,
}

impl WebhookSender {
    /// Fails if the HTTP client cannot be built.
    pub(super) fn new(key: ApiKey, policy: DeliveryPolicy, deliveries: Arc<Deliveries>) -> std::io::Result<Self> {
        let http = http_client(Default::default(), policy.timeout).map_err(std::io::Error::other)?;
        Ok(Self { key, policy, http, deliveries })
    }

    /// Runs until it is dropped. Each receiver has its own queue, so that a slow receiver delays only itself. A delivery
    /// that is not accepted leaves the queue and is retried in a separate task.
    pub(super) async fn run(self: Arc<Self>, mut outbox: UnboundedReceiver<Delivery>) {
        let mut queues: HashMap<String, UnboundedSender<Delivery>> = HashMap::new();
        // Dropping this task drops the set and cancels all attempts.
        let mut receivers = JoinSet::new();
        while let Some(delivery) = outbox.recv().await {
            let queue = queues.entry(delivery.url.clone()).or_insert_with(|| {
                let (sender, queue) = mpsc::unbounded_channel();
                receivers.spawn(Arc::clone(&self).deliver_all(queue));
                sender
            });
            // Cannot fail: the task in `receivers` owns the other end.
            let _ = queue.send(delivery);
        }
    }

    async fn deliver_all(self: Arc<Self>, mut queue: UnboundedReceiver<Delivery>) {
        let mut retries = JoinSet::new();
        while let Some(delivery) = queue.recv().await {
            if !self.attempt(&delivery, 1).await {
                retries.spawn(Arc::clone(&self).retry(delivery));
            }
        }
    }

    async fn retry(self: Arc<Self>, delivery: Delivery) {
        for (attempt, pause) in self.policy.retries() {
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

    /// Sends a request to a provider of user details and returns the status and body of the response.
    pub(super) async fn request_user_details(&self, url: &str, body: String) -> Option<(StatusCode, Vec<u8>)> {
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
    fn a_delivery_has_five_attempts_and_the_delay_doubles() {
        let retries: Vec<_> = DeliveryPolicy::STANDARD.retries().map(|(n, pause)| (n, pause.as_secs())).collect();
        assert_eq!(retries, [(2, 1), (3, 2), (4, 4), (5, 8)]);
        assert_eq!(DeliveryPolicy { attempts: 1, ..DeliveryPolicy::STANDARD }.retries().count(), 0);
    }
}
