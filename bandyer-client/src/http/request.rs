//! A request that is ready to be sent, and the retry loop that sends it.

use std::fmt;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::http::api_error;
use crate::http::call::{Call, Decoder, Wire};
use crate::http::retry::{Decision, RetryPolicy, Situation, StopReason, decide};
use crate::http::retry_after::retry_after;
use crate::http::span::{self, OperationSpan};
use crate::http::transport::{Attempt, BodyMode, Failure, HttpResponse};

/// A request that is ready to be sent.
///
/// It does nothing until [`send`](Self::send) is awaited. Dropping that future cancels the request.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use bandyer_client::{RetryPolicy, UserId};
///
/// let request = client.users().get(&UserId::new("doc-0007")?).attempt_timeout(Duration::from_secs(2));
/// let response = request.retry(RetryPolicy::none()).send_with_response().await?;
/// println!("{} {:?}", response.status(), response.request_id());
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
    on_conflict: Option<ConflictFallback<'a, T>>,
}

/// The fallback for a retry that fails with a conflict. An earlier attempt may have created the resource although its
/// response was lost, so the existing resource is read. It must match the requested one; otherwise it is an older one
/// and the conflict is an error.
struct ConflictFallback<'a, T> {
    request: Box<Request<'a, T>>,
    matches: Box<dyn Fn(&T) -> bool + Send + Sync>,
}

impl<'a, T> Request<'a, T> {
    pub(crate) fn new(client: &'a Client, operation: &'static str, wire: Result<Wire<T>>) -> Self {
        Self {
            client,
            operation,
            wire,
            attempt_timeout: client.attempt_timeout(),
            retry: client.retry_policy(),
            on_conflict: None,
        }
    }

    pub(crate) fn on_conflict(mut self, read: Self, matches: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.on_conflict = Some(ConflictFallback { request: Box::new(read), matches: Box::new(matches) });
        self
    }

    /// Sets the timeout of one attempt, from connecting to the last byte of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy of this request.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sends the request and returns the decoded body of the response.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error), whose [`outcome`](crate::Error::outcome) says whether the vendor may have executed the
    /// request nevertheless.
    pub async fn send(self) -> Result<T> {
        Ok(self.send_with_response().await?.into_body())
    }

    /// Like [`send`](Self::send), but also returns the status, the headers and the number of attempts.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_with_response(self) -> Result<Response<T>> {
        let span = OperationSpan::new(self.client.api_version(), self.operation);
        let result = span.instrument(self.run()).await;
        span.end(result.as_ref().map(|response| (response.attempts, response.status)));
        result
    }

    async fn run(self) -> Result<Response<T>> {
        let on_conflict = self.on_conflict;
        let (execution, decoder) =
            Execution::new(self.client, self.operation, self.wire?, self.attempt_timeout, self.retry);
        match (execution.execute().await, on_conflict) {
            (Ok((response, attempts)), _) => execution.decode(response, attempts, decoder),
            (Err(error), Some(fallback)) if error.is_conflict() && error.earlier_outcome_unknown() => {
                let ConflictFallback { request, matches } = fallback;
                let (execution, decoder) = Execution::new(
                    request.client,
                    request.operation,
                    request.wire?,
                    request.attempt_timeout,
                    request.retry,
                );
                let (response, attempts) = execution.execute().await?;
                let existing = execution.decode(response, attempts + error.attempts(), decoder)?;
                if matches(&existing.body) { Ok(existing) } else { Err(error) }
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

/// Executes one call with its retries.
pub(super) struct Execution<'a> {
    pub(super) client: &'a Client,
    pub(super) operation: &'static str,
    pub(super) call: Call,
    pub(super) attempt_timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) mode: BodyMode,
}

impl<'a> Execution<'a> {
    fn new<T>(
        client: &'a Client,
        operation: &'static str,
        wire: Wire<T>,
        attempt_timeout: Duration,
        retry: RetryPolicy,
    ) -> (Self, Decoder<T>) {
        let mode = BodyMode::Buffered;
        (Self { client, operation, call: wire.call, attempt_timeout, retry, mode }, wire.decoder)
    }

    async fn execute(&self) -> Result<(HttpResponse, u32)> {
        let url = self
            .client
            .transport()
            .url(&self.call.segments, &self.call.query)
            .map_err(|detail| Error::invalid_request(self.operation, detail))?;
        self.execute_at(&url).await
    }

    pub(super) async fn execute_at(&self, url: &Url) -> Result<(HttpResponse, u32)> {
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
                Ok(response) if response.status.is_success() => return Ok((response, attempts)),
                Ok(response) => self.error_response(&response),
                Err(failure) => self.transport_error(failure),
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
                    // A read changes nothing, so the outcome of a failed one is never unknown.
                    may_have_happened |= !self.call.method.is_safe() && error.outcome() == Outcome::Unknown;
                    span::retrying(self.operation, &error, attempts, wait);
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Decision::RetryAfter(_) => StopReason::BudgetUsedUp,
                Decision::Stop(reason) => reason,
            };
            let inner = error.inner_mut();
            inner.attempts = attempts;
            inner.stopped = Some(stopped);
            inner.earlier_outcome_unknown = may_have_happened;
            return Err(error);
        }
    }

    fn error_response(&self, response: &HttpResponse) -> Error {
        let mut error = Error::new(ErrorKind::Api, self.operation);
        let inner = error.inner_mut();
        inner.status = Some(response.status);
        inner.api = Some(api_error::decode(&response.body));
        inner.request_id = request_id(&response.headers).map(str::to_owned);
        inner.retry_after = retry_after(&response.headers, Timestamp::now());
        error
    }

    pub(super) fn transport_error(&self, failure: Failure) -> Error {
        let mut error = Error::new(failure.kind, self.operation);
        let inner = error.inner_mut();
        inner.status = failure.status;
        inner.detail = failure.detail.map(str::to_owned);
        inner.source = failure.source;
        error
    }

    fn decode<T>(&self, response: HttpResponse, attempts: u32, decoder: Decoder<T>) -> Result<Response<T>> {
        match decoder(&response.body) {
            Ok(body) => Ok(Response { status: response.status, headers: response.headers, attempts, body }),
            Err(failure) => {
                let mut error = Error::new(ErrorKind::Decode, self.operation).detail(failure.detail);
                let inner = error.inner_mut();
                inner.status = Some(response.status);
                inner.request_id = request_id(&response.headers).map(str::to_owned);
                inner.attempts = attempts;
                inner.stopped = Some(StopReason::Final);
                Err(error)
            }
        }
    }
}

/// The vendor documents no request id, but proxies and gateways use this header. A value that is not a plain word is
/// ignored, because request ids are logged.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then_some(id)
}

/// A decoded response with its status and headers.
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

    /// The headers of the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The `x-request-id` of the response, for a support ticket.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }

    /// The number of attempts.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The decoded body.
    #[must_use]
    pub fn body(&self) -> &T {
        &self.body
    }

    /// Returns the decoded body and drops the rest.
    #[must_use]
    pub fn into_body(self) -> T {
        self.body
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers are left out, because they may contain cookies.
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("attempts", &self.attempts)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
