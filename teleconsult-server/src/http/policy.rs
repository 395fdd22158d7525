//! What the pipeline must know of a route.

use super::multipart::FileForm;

/// How requests of one route are treated.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The path with names in place of values, for logs and metrics: values may be personal.
    pub template: &'static str,
    /// Which body is read.
    pub body: BodyKind,
    /// Whether the handler runs to its end when its caller leaves.
    pub effect: Effect,
    /// Which requests are logged.
    pub log: AccessLog,
}

/// Which body a route reads.
#[derive(Debug, Clone, Copy)]
pub enum BodyKind {
    /// None.
    None,
    /// JSON, or the fields of a form.
    Fields,
    /// A form with a file.
    File(&'static FileForm),
}

/// What happens to a handler whose caller leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It reads only, so it is dropped.
    None,
    /// It changes something, so it runs to its end.
    Changes,
}

/// Which requests of a route are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// All of them.
    All,
    /// Those that end with a 5xx status.
    Failures,
    /// Those that end with a 5xx status other than 503, which is an expected state of the route.
    FailuresButUnavailable,
}

/// What the pipeline must know of a matched request.
pub trait HasPolicy: Send + Sync + 'static {
    /// The policy of its route.
    fn policy(&self) -> &Policy;

    /// The `roomId` to log, if the path holds a usable one.
    fn room_id(&self) -> Option<&str>;
}
