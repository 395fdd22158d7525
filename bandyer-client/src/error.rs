//! What can go wrong with a request, and whether the vendor may have carried it out.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::http::retry::StopReason;
use crate::wire::Lacking;

/// What a request of this crate ends in.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The coarse kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request could not be built from what the caller gave. Nothing was sent.
    InvalidRequest,
    /// The generation of the API that the client speaks has no such operation or field. Nothing was sent.
    Unsupported,
    /// No connection: DNS, TCP, TLS or a proxy. Nothing was sent.
    Connect,
    /// The time for one try, or for all of them, ran out.
    Timeout,
    /// The connection was lost after the request was sent, or the answer was cut short.
    Interrupted,
    /// The vendor answered with something else than success.
    Api,
    /// The vendor answered with success and a body that cannot be read.
    Decode,
}

/// Whether the vendor may have carried a failed request out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The request never reached the vendor. Repeating it is safe.
    NotSent,
    /// The vendor refused it. Nothing has changed there.
    Rejected,
    /// Nobody knows: it may have happened. Look before repeating anything that is not idempotent.
    Unknown,
}

/// The vendor's own description of a refusal, as far as one could be read.
///
/// Texts of the vendor may repeat personal data, so `Debug` shows only their length.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The exact cause, such as `user_id_already_exists`.
    pub code: Option<String>,
    /// The class of the cause, such as `validation_error`.
    pub name: Option<String>,
    /// A sentence for people, at most 2 KiB. Where the body holds none, the beginning of the body itself.
    pub message: Option<String>,
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

/// Codes that mean "not there" under a status that means something else. Source: the vendor's error tables.
const NOT_FOUND_CODES: [&str; 4] = ["invalid_user_id", "chat_not_found", "recording_not_found", "upload_not_found"];

/// Why a request failed.
///
/// Branch on [`kind`](Self::kind), [`outcome`](Self::outcome) and the `is_…` methods. The wording of the text and
/// the concrete type of [`source`](StdError::source) are not part of this crate's stability promise.
///
/// The text tells this level only (operation, kind, status, code); walk the sources for the rest. It never holds a
/// key, a link, a token, a query string or the vendor's body.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use bandyer_client::{Outcome, UserId};
///
/// if let Err(error) = client.users().delete(&UserId::new("pat-0042")?).send().await {
///     match error.outcome() {
///         Outcome::Rejected if error.is_not_found() => println!("already gone"),
///         Outcome::Unknown if error.is_retryable() => println!("try again later"),
///         _ => return Err(error.into()),
///     }
/// }
/// # Ok(())
/// # }
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
    /// Whether an earlier try of the same request may have been carried out.
    pub(crate) followed_an_unknown_outcome: bool,
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
            followed_an_unknown_outcome: false,
            source: None,
        }))
    }

    pub(crate) fn invalid_request(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, operation).detail(detail)
    }

    /// The operation, or a part of it, is not there in this generation.
    pub(crate) fn lacking(operation: &'static str, version: crate::ApiVersion, lacking: Lacking) -> Self {
        Self::new(ErrorKind::Unsupported, operation).detail(match lacking {
            Lacking::Operation => format!("{version} has no such operation"),
            Lacking::Part(part) => format!("{version} cannot {part}"),
        })
    }

    pub(crate) fn followed_an_unknown_outcome(&self) -> bool {
        self.0.followed_an_unknown_outcome
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

    /// The coarse kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, when the vendor answered.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The vendor's code for the exact cause, such as `user_id_already_exists`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.api.as_ref()?.code.as_deref()
    }

    /// The vendor's description of a refusal.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.0.api.as_ref()
    }

    /// The `x-request-id` of the answer, for a support ticket.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the vendor asked to wait. Zero when the moment it named has passed.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What was being done, such as `create room`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// How many tries were made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the vendor may have carried the request out, in any of the tries.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        // What the last try ended in says nothing about the ones before it.
        if self.0.followed_an_unknown_outcome {
            return Outcome::Unknown;
        }
        match self.0.kind {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::Connect => Outcome::NotSent,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Decode => Outcome::Unknown,
            ErrorKind::Api => match self.0.status {
                Some(status) if status == StatusCode::REQUEST_TIMEOUT => Outcome::Unknown,
                Some(status) if status.is_client_error() => Outcome::Rejected,
                // A redirect is never followed, and nothing tells what was done before it was sent.
                _ => Outcome::Unknown,
            },
        }
    }

    /// The resource does not exist. The vendor says so with 404, with 410, or with a 400 and a code such as
    /// `invalid_user_id`. After a deletion it is as good as a success.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.means(|status, code| {
            matches!(status.as_u16(), 404 | 410) || code.is_some_and(|code| NOT_FOUND_CODES.contains(&code))
        })
    }

    /// The id is taken: 409, or the vendor's 400 `user_id_already_exists`. Choose another id, or read the user.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.means(|status, code| status.as_u16() == 409 || code == Some("user_id_already_exists"))
    }

    /// The vendor refused the key. Look at the key and at the host: sandbox and production have different keys.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.means(|status, code| matches!(status.as_u16(), 401 | 403) || code == Some("invalid_api_key"))
    }

    /// The company's quota is used up. Wait for [`retry_after`](Self::retry_after), or a minute without it.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.means(|status, _| status.as_u16() == 429)
    }

    /// Time ran out, here or in a gateway before the vendor (408, 504).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.means(|status, _| matches!(status.as_u16(), 408 | 504))
    }

    /// The same request, later, is safe and may work. False for a room creation that may have happened.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.outcome() {
            Outcome::NotSent => self.0.kind == ErrorKind::Connect,
            Outcome::Rejected => self.is_rate_limited(),
            Outcome::Unknown => {
                self.0.kind != ErrorKind::Decode
                    && !matches!(self.0.stopped, Some(StopReason::MayHaveHappened | StopReason::Final))
            }
        }
    }

    fn means(&self, meaning: impl Fn(StatusCode, Option<&str>) -> bool) -> bool {
        self.0.kind == ErrorKind::Api && self.0.status.is_some_and(|status| meaning(status, self.code()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        write!(f, "{}: ", inner.operation)?;
        match (inner.kind, inner.status) {
            (ErrorKind::InvalidRequest, _) => f.write_str("the request is invalid")?,
            (ErrorKind::Unsupported, _) => f.write_str("not offered by this generation of the API")?,
            (ErrorKind::Connect, _) => f.write_str("no connection to the vendor")?,
            (ErrorKind::Timeout, _) => f.write_str("time ran out")?,
            (ErrorKind::Interrupted, _) => f.write_str("the connection was lost")?,
            (ErrorKind::Decode, _) => f.write_str("the vendor's answer cannot be read")?,
            (ErrorKind::Api, Some(status)) => write!(f, "the vendor answered {}", status.as_u16())?,
            (ErrorKind::Api, None) => f.write_str("the vendor refused")?,
        }
        if let Some(code) = self.code() {
            write!(f, " ({})", code.escape_debug())?;
        }
        if let Some(detail) = &inner.detail {
            write!(f, ": {detail}")?;
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

// One word wide, so that a `Result` stays small on every path through a caller's code.
const _: () = assert!(size_of::<Error>() == size_of::<usize>());
