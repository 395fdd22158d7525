//! A request that is ready to be sent, and the retry loop that sends it.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::{Error, ErrorKind, Outcome, Result, StopReason};
use crate::http::api_error;
use crate::http::call::{Call, Decoder, Wire};
use crate::http::connection::Connection;
use crate::http::decode;
use crate::http::retry::{Decision, RetryPolicy, Situation, decide};
use crate::http::retry_after::retry_after;
use crate::http::span::{self, OperationSpan};
use crate::http::transport::{Attempt, BodyMode, Failure, HttpResponse};

/// A request that is ready to be sent.
///
/// It does nothing until it is awaited, directly or through [`send`](Self::send). It owns what it needs, so it can be
/// returned, stored and spawned. Dropping the future cancels the request.
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
#[must_use = "a request does nothing until it is awaited"]
pub struct Request<T> {
    connection: Connection,
    operation: &'static str,
    wire: Result<Wire<T>>,
    limits: Limits,
}

/// How long a request may take, and how often it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) attempt_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    /// When the total timeout elapses, if the request is a part of a larger operation that has begun already.
    pub(crate) deadline: Option<Instant>,
}

impl Limits {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self { attempt_timeout: connection.attempt_timeout(), retry: connection.retry_policy(), deadline: None }
    }

    /// The same limits with a deadline that begins now, for an operation that consists of several requests.
    pub(crate) fn started(self) -> Self {
        Self { deadline: Some(self.deadline()), ..self }
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        // A duration that no clock can represent is no limit; a day is longer than any request.
        let a_day = Duration::from_secs(24 * 60 * 60);
        self.deadline.unwrap_or_else(|| now + self.retry.total().min(a_day))
    }
}

impl<T> Request<T> {
    pub(crate) fn new(connection: Connection, operation: &'static str, wire: Result<Wire<T>>) -> Self {
        let mut limits = Limits::of(&connection);
        if let Ok(wire) = &wire {
            let upload = wire.call.upload_time();
            limits.attempt_timeout = limits.attempt_timeout.saturating_add(upload);
            limits.retry = limits.retry.total_timeout(limits.retry.total().saturating_add(upload));
        }
        Self { connection, operation, wire, limits }
    }

    /// Makes this request a part of another operation, under whose name its errors are reported.
    pub(crate) fn within(mut self, operation: &'static str, limits: Limits) -> Self {
        self.operation = operation;
        self.limits = limits;
        self
    }

    /// Sets the timeout of one attempt, from connecting to the last byte of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy of this request.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.limits.retry = policy;
        self
    }

    /// Adds a header, such as `traceparent`. The headers of the key and of the body's framing cannot be set: the request
    /// then fails with [`ErrorKind::InvalidRequest`] when it is sent.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        let operation = self.operation;
        self.wire = self.wire.and_then(|mut wire| {
            wire.call.add_header(name, value).map_err(|detail| Error::invalid_request(operation, detail))?;
            Ok(wire)
        });
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
        let span = OperationSpan::new(self.connection.version(), self.operation);
        let result = span.instrument(self.run()).await;
        span.end(result.as_ref().map(|response| (response.attempts, response.status)));
        result
    }

    async fn run(self) -> Result<Response<T>> {
        let Self { connection, operation, wire, limits } = self;
        let Wire { call, decoder } = wire?;
        let url = connection.transport().url(&call.segments, &call.query);
        let url = url.map_err(|detail| Error::invalid_request(operation, detail))?;
        let execution = Execution { connection: &connection, operation, call: &call, limits, mode: BodyMode::Buffered };
        let (response, attempts) = execution.execute_at(&url).await?;
        execution.decode(response, attempts, decoder)
    }
}

impl<T: Send + 'static> IntoFuture for Request<T> {
    type Output = Result<T>;
    type IntoFuture = Sending<T>;

    fn into_future(self) -> Sending<T> {
        Box::pin(self.send())
    }
}

/// The future of a request that is awaited without `.send()`.
pub(crate) type Sending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Lets a builder with a method `send` be awaited directly.
macro_rules! awaitable {
    ($($builder:ty => $response:ty),+ $(,)?) => {$(
        impl IntoFuture for $builder {
            type Output = $crate::error::Result<$response>;
            type IntoFuture =
                std::pin::Pin<Box<dyn Future<Output = $crate::error::Result<$response>> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    )+};
}
pub(crate) use awaitable;

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Executes one call with its retries.
pub(super) struct Execution<'a> {
    pub(super) connection: &'a Connection,
    pub(super) operation: &'static str,
    pub(super) call: &'a Call,
    pub(super) limits: Limits,
    pub(super) mode: BodyMode,
}

impl Execution<'_> {
    pub(super) async fn execute_at(&self, url: &Url) -> Result<(HttpResponse, u32)> {
        let Limits { attempt_timeout, retry, .. } = self.limits;
        let deadline = self.limits.deadline();
        let remaining = || deadline.saturating_duration_since(Instant::now());
        self.connection.retry_budget().deposit();
        let mut attempts = 0;
        let mut may_have_happened = false;
        loop {
            attempts += 1;
            let attempt = Attempt {
                method: &self.call.method,
                url,
                headers: &self.call.headers,
                body: self.call.body.as_ref(),
                timeout: attempt_timeout.min(remaining()),
                mode: self.mode,
            };
            let mut error = match self.connection.transport().send(attempt).await {
                Ok(response) if response.status.is_success() => return Ok((response, attempts)),
                Ok(response) => self.error_response(&response),
                Err(failure) => self.transport_error(failure),
            };
            let situation = Situation {
                kind: error.kind(),
                status: error.status(),
                retry_after: error.retry_after(),
                idempotent: self.call.idempotent,
                attempts,
                remaining: remaining(),
                attempt_timeout,
            };
            let stopped = match decide(&retry, &situation, fastrand::f64()) {
                Decision::RetryAfter(wait) if self.connection.retry_budget().withdraw() => {
                    may_have_happened |= error.outcome() == Outcome::Unknown;
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

    fn error(&self, kind: ErrorKind) -> Error {
        let mut error = Error::new(kind, self.operation);
        error.inner_mut().read_only = self.call.is_read_only();
        error
    }

    fn error_response(&self, response: &HttpResponse) -> Error {
        let mut error = self.error(ErrorKind::Api);
        let inner = error.inner_mut();
        inner.status = Some(response.status);
        inner.api = Some(api_error::decode(&response.body));
        inner.request_id = request_id(&response.headers).map(str::to_owned);
        inner.retry_after = retry_after(&response.headers, Timestamp::now());
        error
    }

    pub(super) fn transport_error(&self, failure: Failure) -> Error {
        let mut error = self.error(failure.kind);
        let inner = error.inner_mut();
        inner.status = failure.status;
        inner.detail = failure.detail.map(str::to_owned);
        inner.source = failure.source;
        error
    }

    fn decode<T>(&self, response: HttpResponse, attempts: u32, decoder: Decoder<T>) -> Result<Response<T>> {
        match decoder(&response.body) {
            Ok(body) => {
                let HttpResponse { status, headers, body: bytes, .. } = response;
                Ok(Response { operation: self.operation, status, headers, attempts, bytes, body })
            }
            Err(failure) => {
                let mut error = self.error(ErrorKind::Decode).detail(failure.detail);
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
    operation: &'static str,
    status: StatusCode,
    headers: HeaderMap,
    attempts: u32,
    bytes: Bytes,
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

    /// The body as it arrived.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Decodes the body once more, for fields that this crate does not know.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// #[derive(serde::Deserialize)]
    /// struct Extra {
    ///     dial_in: Option<String>,
    /// }
    ///
    /// let response = client.rooms().get(&room).send_with_response().await?;
    /// let extra: Extra = response.json()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the body does not have this shape.
    pub fn json<U: DeserializeOwned>(&self) -> Result<U> {
        decode::json(&self.bytes).map_err(|failure| {
            let mut error = Error::new(ErrorKind::Decode, self.operation).detail(failure.detail);
            let inner = error.inner_mut();
            inner.status = Some(self.status);
            inner.request_id = self.request_id().map(str::to_owned);
            inner.attempts = self.attempts;
            // The request itself succeeded.
            inner.read_only = true;
            inner.stopped = Some(StopReason::Final);
            error
        })
    }

    /// Counts attempts of the same operation that preceded this response.
    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.attempts += attempts;
        self
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
