//! A request that is ready to be sent, and the loop that sends it.

use std::fmt;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::http::api_error;
use crate::http::retry::{Decision, RetryPolicy, Situation, StopReason, decide};
use crate::http::retry_after::retry_after;
use crate::http::span::{self, OperationSpan};
use crate::http::transport::{Answer, Attempt, BodyMode, Failure};
use crate::wire::{Call, Decoder, Wire};

/// An operation that is ready to be sent.
///
/// It does nothing until [`send`](Self::send) is awaited, and dropping that future stops it.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use bandyer_client::{RetryPolicy, UserId};
///
/// let request = client.users().get(&UserId::new("doc-0007")?).attempt_timeout(Duration::from_secs(2));
/// let answer = request.retry(RetryPolicy::none()).send_with_response().await?;
/// println!("{} {:?}", answer.status(), answer.request_id());
/// # Ok(())
/// # }
/// ```
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct Request<'a, T> {
    client: &'a Client,
    operation: &'static str,
    wire: Result<Wire<T>>,
    attempt_timeout: Duration,
    retry: RetryPolicy,
    instead_of_conflict: Option<InsteadOfConflict<'a, T>>,
}

/// What to ask when a repeat is told "already exists": the first try may have worked and its answer been lost. What is
/// found must look like what was to be made, else it was there before.
struct InsteadOfConflict<'a, T> {
    request: Box<Request<'a, T>>,
    is_it: Box<dyn Fn(&T) -> bool + Send + Sync>,
}

impl<'a, T> Request<'a, T> {
    pub(crate) fn new(client: &'a Client, operation: &'static str, wire: Result<Wire<T>>) -> Self {
        Self {
            client,
            operation,
            wire,
            attempt_timeout: client.attempt_timeout(),
            retry: client.retry_policy(),
            instead_of_conflict: None,
        }
    }

    pub(crate) fn instead_of_conflict(
        mut self,
        other: Self,
        is_it: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.instead_of_conflict = Some(InsteadOfConflict { request: Box::new(other), is_it: Box::new(is_it) });
        self
    }

    /// Limits one try of this request, from connecting to the last byte of the answer.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Chooses how often and how patiently this request is tried again.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sends the request and gives what the vendor answered.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error), whose [`outcome`](crate::Error::outcome) tells whether the vendor may have carried
    /// the request out all the same.
    pub async fn send(self) -> Result<T> {
        Ok(self.send_with_response().await?.into_body())
    }

    /// Like [`send`](Self::send), and keeps status, headers and the number of tries.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_with_response(self) -> Result<Response<T>> {
        let span = OperationSpan::new(self.client.api_version(), self.operation);
        let result = span.around(self.run()).await;
        span.end(result.as_ref().map(|response| (response.attempts, response.status)));
        result
    }

    async fn run(self) -> Result<Response<T>> {
        let other = self.instead_of_conflict;
        let (sending, decoder) =
            Sending::new(self.client, self.operation, self.wire?, self.attempt_timeout, self.retry);
        match (sending.run().await, other) {
            (Ok((answer, attempts)), _) => sending.decode(answer, attempts, decoder),
            (Err(error), Some(other)) if error.is_conflict() && error.followed_an_unknown_outcome() => {
                let InsteadOfConflict { request, is_it } = other;
                let (sending, decoder) = Sending::new(
                    request.client,
                    request.operation,
                    request.wire?,
                    request.attempt_timeout,
                    request.retry,
                );
                let (answer, attempts) = sending.run().await?;
                let found = sending.decode(answer, attempts + error.attempts(), decoder)?;
                if is_it(&found.body) { Ok(found) } else { Err(error) }
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl<T> fmt::Debug for Request<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

pub(super) struct Sending<'a> {
    pub(super) client: &'a Client,
    pub(super) operation: &'static str,
    pub(super) call: Call,
    pub(super) attempt_timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) mode: BodyMode,
}

impl<'a> Sending<'a> {
    fn new<T>(
        client: &'a Client,
        operation: &'static str,
        wire: Wire<T>,
        attempt_timeout: Duration,
        retry: RetryPolicy,
    ) -> (Self, Decoder<T>) {
        let mode = BodyMode::ReadWhole;
        (Self { client, operation, call: wire.call, attempt_timeout, retry, mode }, wire.decoder)
    }

    async fn run(&self) -> Result<(Answer, u32)> {
        let url = self
            .client
            .transport()
            .url(&self.call.segments, &self.call.query)
            .map_err(|detail| Error::invalid_request(self.operation, detail))?;
        self.run_at(&url).await
    }

    pub(super) async fn run_at(&self, url: &Url) -> Result<(Answer, u32)> {
        let started = Instant::now();
        self.client.retry_budget().deposit();
        let mut attempts = 0;
        let mut may_have_happened = false;
        loop {
            let remaining = self.retry.total().saturating_sub(started.elapsed());
            attempts += 1;
            let attempt = Attempt {
                method: &self.call.method,
                url,
                headers: &self.call.headers,
                body: self.call.body.as_ref(),
                timeout: self.attempt_timeout.min(remaining),
                mode: self.mode,
            };
            let mut error = match self.client.transport().send(attempt).await {
                Ok(answer) if answer.status.is_success() => return Ok((answer, attempts)),
                Ok(answer) => self.refused(&answer),
                Err(failure) => self.failed(failure),
            };
            let remaining = self.retry.total().saturating_sub(started.elapsed());
            let situation = Situation {
                kind: error.kind(),
                status: error.status(),
                retry_after: error.retry_after(),
                idempotent: self.call.idempotent,
                attempts,
                remaining,
                attempt_timeout: self.attempt_timeout,
            };
            let stopped = match decide(&self.retry, &situation, fastrand::f64()) {
                Decision::RetryAfter(wait) if self.client.retry_budget().withdraw() => {
                    // A read changes nothing, so a failed one leaves nothing in doubt.
                    may_have_happened |= !self.call.method.is_safe() && error.outcome() == Outcome::Unknown;
                    span::repeated(self.operation, &error, attempts, wait);
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Decision::RetryAfter(_) => StopReason::BudgetUsedUp,
                Decision::Stop(reason) => reason,
            };
            let inner = error.inner_mut();
            inner.attempts = attempts;
            inner.stopped = Some(stopped);
            inner.followed_an_unknown_outcome = may_have_happened;
            return Err(error);
        }
    }

    fn refused(&self, answer: &Answer) -> Error {
        let mut error = Error::new(ErrorKind::Api, self.operation);
        let inner = error.inner_mut();
        inner.status = Some(answer.status);
        inner.api = Some(api_error::decode(&answer.body));
        inner.request_id = request_id(&answer.headers).map(str::to_owned);
        inner.retry_after = retry_after(&answer.headers, Timestamp::now());
        error
    }

    pub(super) fn failed(&self, failure: Failure) -> Error {
        let mut error = Error::new(failure.kind, self.operation);
        let inner = error.inner_mut();
        inner.status = failure.status;
        inner.detail = failure.detail.map(str::to_owned);
        inner.source = failure.source;
        error
    }

    fn decode<T>(&self, answer: Answer, attempts: u32, decoder: Decoder<T>) -> Result<Response<T>> {
        match decoder(&answer.body) {
            Ok(body) => Ok(Response { status: answer.status, headers: answer.headers, attempts, body }),
            Err(failure) => {
                let mut error = Error::new(ErrorKind::Decode, self.operation).detail(failure.detail);
                let inner = error.inner_mut();
                inner.status = Some(answer.status);
                inner.request_id = request_id(&answer.headers).map(str::to_owned);
                inner.attempts = attempts;
                inner.stopped = Some(StopReason::Final);
                Err(error)
            }
        }
    }
}

/// The vendor documents no request id; proxies and gateways use this header. A value that is not a plain word is
/// dropped, since it ends in logs.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then_some(id)
}

/// A decoded answer with what came around it.
pub struct Response<T> {
    status: StatusCode,
    headers: HeaderMap,
    attempts: u32,
    body: T,
}

impl<T> Response<T> {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers of the answer.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The `x-request-id` of the answer, for a support ticket.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }

    /// How many tries it took.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What the vendor answered.
    #[must_use]
    pub fn body(&self) -> &T {
        &self.body
    }

    /// What the vendor answered, without the rest.
    #[must_use]
    pub fn into_body(self) -> T {
        self.body
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers are left out: nobody promises that they hold no cookie.
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("attempts", &self.attempts)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
