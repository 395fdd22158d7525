//! What all handles and requests of one client share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, Offer, Unsendable, Wire};
use super::request::Request;
use super::retry::{RetryBudget, RetryPolicy};
use super::transport::Transport;
use crate::error::{Error, Result};
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;

/// Defines the handle of a resource.
macro_rules! handle {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone)]
        pub struct $name {
            connection: $crate::http::connection::Connection,
        }

        impl $name {
            pub(crate) const fn new(connection: $crate::http::connection::Connection) -> Self {
                Self { connection }
            }
        }
    };
}
pub(crate) use handle;

/// The transport and the defaults of a client. A clone is cheap.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    transport: Transport,
    version: ApiVersion,
    attempt_timeout: Duration,
    retry: RetryPolicy,
    budget: RetryBudget,
}

impl Connection {
    pub(crate) fn new(
        transport: Transport,
        version: ApiVersion,
        attempt_timeout: Duration,
        retry: RetryPolicy,
    ) -> Self {
        Self(Arc::new(Inner { transport, version, attempt_timeout, retry, budget: RetryBudget::new() }))
    }

    /// Creates the request of an operation, if the API version has it; the table of operations decides.
    pub(crate) fn request<T>(&self, operation: Operation, wire: impl FnOnce(ApiVersion) -> Wire<T>) -> Request<T> {
        self.try_request(operation, |version| Ok(wire(version)))
    }

    /// The same for a request that may be impossible because of the caller's values.
    pub(crate) fn try_request<T>(&self, operation: Operation, wire: impl FnOnce(ApiVersion) -> Offer<T>) -> Request<T> {
        let version = self.version();
        let wire = match operation.route(version) {
            Some(_) => wire(version).map_err(|reason| unsendable(operation, version, reason)),
            None => Err(Error::unsupported(operation.name(), format!("{version} has no such operation"))),
        };
        Request::new(self.clone(), operation.name(), wire)
    }

    /// The same for a call whose response is a file.
    pub(crate) fn call(&self, operation: Operation, call: impl FnOnce(ApiVersion) -> Call) -> Result<Call> {
        let version = self.version();
        match operation.route(version) {
            Some(_) => Ok(call(version)),
            None => Err(Error::unsupported(operation.name(), format!("{version} has no such operation"))),
        }
    }

    pub(crate) fn version(&self) -> ApiVersion {
        self.0.version
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(super) fn attempt_timeout(&self) -> Duration {
        self.0.attempt_timeout
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        self.0.retry
    }

    pub(super) fn retry_budget(&self) -> &RetryBudget {
        &self.0.budget
    }
}

fn unsendable(operation: Operation, version: ApiVersion, reason: Unsendable) -> Error {
    match reason {
        Unsendable::Invalid(detail) => Error::invalid_request(operation.name(), detail),
        Unsendable::Unsupported(part) => Error::unsupported(operation.name(), format!("{version} cannot {part}")),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("api_version", &self.0.version).finish_non_exhaustive()
    }
}
