//! Errors of requests, and whether the vendor may have executed a failed request.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::operations::Operation;

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The category of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request could not be built from the caller's input. Nothing was sent.
    InvalidRequest,
    /// The client's API version does not have this operation or field. Nothing was sent.
    Unsupported,
    /// The connection could not be established (DNS, TCP, TLS or a proxy). Nothing was sent.
    Connect,
    /// The timeout of one attempt, or of all attempts together, elapsed.
    Timeout,
    /// The connection was lost after the request was sent, or the response was incomplete.
    Interrupted,
    /// The vendor responded with a status other than success.
    Api,
    /// The vendor responded with success, but the body could not be decoded.
    Decode,
}

/// Whether the vendor may have executed a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The request did not reach the vendor. A retry is safe.
    NotSent,
    /// The vendor rejected the request. Nothing changed.
    Rejected,
    /// The request only reads, so nothing changed, whether the vendor executed it or not.
    ReadOnly,
    /// The vendor may have executed the request. Check before you retry an operation that is not idempotent.
    Unknown,
}

/// The vendor's description of an error, as far as it could be decoded.
///
/// The vendor's message may contain personal data, so `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The code of the exact cause, such as `user_id_already_exists`.
    pub code: Option<String>,
    /// The class of the cause, such as `validation_error`.
    pub name: Option<String>,
    /// A human-readable message of at most 2 KiB. If the body has no message, this is the beginning of the body.
    pub message: Option<String>,
}

impl ApiError {
    /// A description with this code alone, such as `user_id_already_exists`; for tests.
    #[must_use]
    pub fn with_code(code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), name: None, message: None }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("code", &self.code)
            .field("name", &self.name)
            .field("message_bytes", &self.message.as_ref().map(String::len))
            .finish()
    }
}

/// Why a request was not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// A retry would have the same result.
    Final,
    /// The vendor may have executed the request, and it is not idempotent.
    MayHaveHappened,
    AttemptsUsedUp,
    TimeUsedUp,
    /// `retry-after` is longer than the remaining time.
    WaitTooLong,
    /// Rate limited without `retry-after`: further attempts within seconds would only use up more of the quota.
    RateLimitedWithoutHint,
    /// The retry budget is used up: too many requests of this client are failing.
    BudgetUsedUp,
}

impl StopReason {
    pub(crate) const fn explanation(self) -> Option<&'static str> {
        match self {
            Self::Final | Self::AttemptsUsedUp => None,
            Self::MayHaveHappened => Some("not repeated because it may already have happened"),
            Self::TimeUsedUp => Some("no time is left for another attempt"),
            Self::WaitTooLong => Some("the vendor asked to wait for longer than there is time"),
            Self::RateLimitedWithoutHint => Some("not repeated because the vendor did not say when"),
            Self::BudgetUsedUp => Some("not repeated because too many requests are failing"),
        }
    }
}

/// Codes that mean "not found", sent with a status that does not. Source: the vendor's error tables.
const NOT_FOUND_CODES: [&str; 4] = ["invalid_user_id", "chat_not_found", "recording_not_found", "upload_not_found"];

/// The error of a request.
///
/// Branch on [`kind`](Self::kind), [`outcome`](Self::outcome) and the `is_…` methods. The wording of the text and
/// the concrete type of [`source`](StdError::source) are not part of this crate's stability promise.
///
/// `Display` is one line: the operation, what failed, the vendor's name and code, the request id, the number of attempts,
/// and the root cause if there was no response. It never contains a key, a link, a token, a query string or the vendor's
/// body. Follow [`source`](StdError::source) for all levels between.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use bandyer_client::{Outcome, UserId};
///
/// if let Err(error) = client.users().delete(&UserId::new("pat-0042")?).send().await {
///     match error.outcome() {
///         // Asked first: if the response to an earlier attempt was lost, the outcome is unknown, and the user is gone.
///         _ if error.is_not_found() => println!("already gone"),
///         Outcome::Unknown if error.is_retryable() => println!("try again later"),
///         _ => return Err(error.into()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Tests of code that handles errors can make them:
///
/// ```
/// use bandyer_client::{ApiError, Error, ErrorKind, Operation, Outcome};
/// use http::StatusCode;
///
/// let lost = Error::of_kind(Operation::CreateRoom, ErrorKind::Timeout);
/// assert_eq!(lost.outcome(), Outcome::Unknown);
/// let taken = ApiError::with_code("user_id_already_exists");
/// assert!(Error::of_response(Operation::CreateUser, StatusCode::BAD_REQUEST, taken).is_conflict());
/// ```
pub struct Error(Box<Inner>);

pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) api: Option<ApiError>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) stopped: Option<StopReason>,
    /// Whether the request only reads.
    pub(crate) read_only: bool,
    /// Whether an earlier attempt of the same request may have been executed.
    pub(crate) earlier_outcome_unknown: bool,
    /// Whether the response came from the host of a file, which does not know the API key.
    pub(crate) from_file_host: bool,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            detail: None,
            status: None,
            api: None,
            request_id: None,
            retry_after: None,
            attempts: 0,
            stopped: None,
            read_only: false,
            earlier_outcome_unknown: false,
            from_file_host: false,
            source: None,
        }))
    }

    /// An error of this kind as it would follow one attempt at the operation; for tests of code that handles errors. See
    /// [`of_response`](Self::of_response) for [`ErrorKind::Api`].
    #[must_use]
    pub fn of_kind(operation: Operation, kind: ErrorKind) -> Self {
        Self::new(kind, operation.name()).after_one_attempt(operation)
    }

    /// An error as it would follow this response to the operation; for tests of code that handles errors.
    #[must_use]
    pub fn of_response(operation: Operation, status: StatusCode, description: ApiError) -> Self {
        let mut error = Self::new(ErrorKind::Api, operation.name());
        error.0.status = Some(status);
        error.0.api = Some(description);
        error.after_one_attempt(operation)
    }

    fn after_one_attempt(mut self, operation: Operation) -> Self {
        self.0.read_only = operation.is_read_only();
        if matches!(self.0.kind, ErrorKind::InvalidRequest | ErrorKind::Unsupported) {
            return self;
        }
        self.0.attempts = 1;
        self.0.stopped = Some(match self.outcome() {
            Outcome::Unknown => StopReason::MayHaveHappened,
            _ => StopReason::AttemptsUsedUp,
        });
        self
    }

    /// Sets the delay that the vendor asked for; for tests of code that handles errors.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    pub(crate) fn invalid_request(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, operation).detail(detail)
    }

    /// The operation, or a part of it, does not exist in this API version.
    pub(crate) fn unsupported(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, operation).detail(detail)
    }

    pub(crate) fn earlier_outcome_unknown(&self) -> bool {
        self.0.earlier_outcome_unknown
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn source_of(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn inner_mut(&mut self) -> &mut Inner {
        &mut self.0
    }

    /// The category of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The vendor's code for the exact cause, such as `user_id_already_exists`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.api.as_ref()?.code.as_deref()
    }

    /// The vendor's description of the error.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.0.api.as_ref()
    }

    /// The `x-request-id` of the response, for a support ticket.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The delay that the vendor asked for in `retry-after`. Zero if it named a time in the past.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The operation, such as `create room`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The number of attempts.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the vendor may have executed the request, in any of the attempts.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.outcome_of_attempts() {
            Outcome::Unknown if self.0.read_only => Outcome::ReadOnly,
            outcome => outcome,
        }
    }

    fn outcome_of_attempts(&self) -> Outcome {
        // The result of the last attempt says nothing about the earlier ones.
        if self.0.earlier_outcome_unknown {
            return Outcome::Unknown;
        }
        match self.0.kind {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::Connect => Outcome::NotSent,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Decode => Outcome::Unknown,
            ErrorKind::Api => match self.0.status {
                Some(status) if status == StatusCode::REQUEST_TIMEOUT => Outcome::Unknown,
                Some(status) if status.is_client_error() => Outcome::Rejected,
                // A redirect is never followed, and the vendor may have executed the request before it.
                _ => Outcome::Unknown,
            },
        }
    }

    /// The resource does not exist. The vendor responds with 404, 410, or 400 and a code such as `invalid_user_id`. For
    /// a deletion this is equivalent to success.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is_api_error(|status, code| {
            matches!(status.as_u16(), 404 | 410) || code.is_some_and(|code| NOT_FOUND_CODES.contains(&code))
        })
    }

    /// The id is already in use: 409, or 400 with the code `user_id_already_exists`. Choose another id, or read the
    /// user.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is_api_error(|status, code| status.as_u16() == 409 || code == Some("user_id_already_exists"))
    }

    /// The vendor rejected the API key. Check the key and the host: sandbox and production have different keys.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        !self.0.from_file_host
            && self.is_api_error(|status, code| matches!(status.as_u16(), 401 | 403) || code == Some("invalid_api_key"))
    }

    /// The host of a file refused its link, which has expired.
    pub(crate) fn is_refused_link(&self) -> bool {
        self.0.from_file_host && self.is_api_error(|status, _| matches!(status.as_u16(), 401 | 403))
    }

    /// The company's quota is exhausted. Wait for [`retry_after`](Self::retry_after), or for a minute if it is `None`.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.is_api_error(|status, _| status.as_u16() == 429)
    }

    /// The request timed out, either here or in a gateway in front of the vendor (408, 504).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.is_api_error(|status, _| matches!(status.as_u16(), 408 | 504))
    }

    /// Whether it is safe to send the same request again later, and it may succeed. False for a room creation that may
    /// have been executed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.outcome() {
            Outcome::NotSent => self.0.kind == ErrorKind::Connect,
            Outcome::Rejected => self.is_rate_limited(),
            Outcome::ReadOnly | Outcome::Unknown => {
                self.0.kind != ErrorKind::Decode
                    && !matches!(self.0.stopped, Some(StopReason::MayHaveHappened | StopReason::Final))
            }
        }
    }

    /// The last of the underlying errors, such as "Connection refused". The levels between only repeat that a request
    /// failed. Not for responses that cannot be decoded: what a decoder reports may quote the response.
    fn root_cause(&self) -> Option<&(dyn StdError + 'static)> {
        if !matches!(self.0.kind, ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted) {
            return None;
        }
        std::iter::successors(self.source(), |&error| error.source()).last()
    }

    fn is_api_error(&self, matches: impl Fn(StatusCode, Option<&str>) -> bool) -> bool {
        self.0.kind == ErrorKind::Api && self.0.status.is_some_and(|status| matches(status, self.code()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        write!(f, "{}: ", inner.operation)?;
        match (inner.kind, inner.status) {
            (ErrorKind::InvalidRequest, _) => f.write_str("the request is invalid")?,
            (ErrorKind::Unsupported, _) => f.write_str("not supported by this API version")?,
            (ErrorKind::Connect, _) => f.write_str("no connection to the vendor")?,
            (ErrorKind::Timeout, _) => f.write_str("timed out")?,
            (ErrorKind::Interrupted, _) => f.write_str("the connection was lost")?,
            (ErrorKind::Decode, _) => f.write_str("the vendor's response cannot be read")?,
            (ErrorKind::Api, Some(status)) if inner.from_file_host => {
                write!(f, "the host of the file responded with {}", status.as_u16())?;
            }
            (ErrorKind::Api, Some(status)) => write!(f, "the vendor responded with {}", status.as_u16())?,
            (ErrorKind::Api, None) => f.write_str("the vendor rejected the request")?,
        }
        // Both are short plain words, unless a test made them.
        let name = inner.api.as_ref().and_then(|api| api.name.as_deref());
        match (name, self.code()) {
            (Some(name), Some(code)) => write!(f, " ({}: {})", name.escape_debug(), code.escape_debug())?,
            (Some(word), None) | (None, Some(word)) => write!(f, " ({})", word.escape_debug())?,
            (None, None) => {}
        }
        if let Some(detail) = &inner.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(cause) = self.root_cause() {
            write!(f, ": {cause}")?;
        }
        if let Some(id) = &inner.request_id {
            write!(f, ", request id {id}")?;
        }
        if inner.attempts > 1 {
            write!(f, ", {} attempts", inner.attempts)?;
        }
        if let Some(reason) = inner.stopped.and_then(StopReason::explanation) {
            write!(f, "; {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("Error")
            .field("operation", &inner.operation)
            .field("kind", &inner.kind)
            .field("outcome", &self.outcome())
            .field("status", &inner.status)
            .field("api", &inner.api)
            .field("detail", &inner.detail)
            .field("request_id", &inner.request_id)
            .field("retry_after", &inner.retry_after)
            .field("attempts", &inner.attempts)
            .field("stopped", &inner.stopped)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

// One pointer wide, so that `Result`s in callers stay small.
const _: () = assert!(size_of::<Error>() == size_of::<usize>());
