//! The spans and events of the feature `tracing`: one span per operation, regardless of the number of attempts, and one
//! event per retry. Fields are an explicit list, so that no id, no path and no text of the vendor is recorded.

#[cfg(feature = "tracing")]
mod imp {
    use std::time::Duration;

    use http::StatusCode;
    use tracing::field::{self, Empty};
    use tracing::instrument::Instrumented;
    use tracing::{Instrument, Span};

    use crate::error::Error;
    use crate::types::api_version::ApiVersion;

    pub(in crate::http) struct OperationSpan(Span);

    impl OperationSpan {
        pub(in crate::http) fn new(version: ApiVersion, operation: &'static str) -> Self {
            Self(tracing::debug_span!(
                "bandyer_request",
                operation,
                api_version = %version,
                attempts = Empty,
                status = Empty,
                error_kind = Empty,
            ))
        }

        pub(in crate::http) fn instrument<F: Future>(&self, work: F) -> Instrumented<F> {
            work.instrument(self.0.clone())
        }

        /// Records the result: the number of attempts and the status, or an error that contains both.
        pub(in crate::http) fn end(&self, result: Result<(u32, StatusCode), &Error>) {
            let (attempts, status) = match result {
                Ok((attempts, status)) => (attempts, Some(status)),
                Err(error) => (error.attempts(), error.status()),
            };
            self.0.record("attempts", attempts);
            if let Some(status) = status {
                self.0.record("status", status.as_u16());
            }
            if let Err(error) = result {
                self.0.record("error_kind", field::debug(error.kind()));
            }
        }
    }

    pub(in crate::http) fn retrying(operation: &'static str, error: &Error, attempts: u32, wait: Duration) {
        tracing::debug!(
            operation,
            attempts,
            kind = ?error.kind(),
            status = error.status().map(|status| status.as_u16()),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "request is sent again"
        );
    }
}

#[cfg(not(feature = "tracing"))]
mod imp {
    use std::time::Duration;

    use http::StatusCode;

    use crate::error::Error;
    use crate::types::api_version::ApiVersion;

    pub(in crate::http) struct OperationSpan;

    impl OperationSpan {
        pub(in crate::http) const fn new(_version: ApiVersion, _operation: &'static str) -> Self {
            Self
        }

        pub(in crate::http) fn instrument<F: Future>(&self, work: F) -> F {
            work
        }

        pub(in crate::http) const fn end(&self, _result: Result<(u32, StatusCode), &Error>) {}
    }

    pub(in crate::http) const fn retrying(_operation: &'static str, _error: &Error, _attempts: u32, _wait: Duration) {}
}

pub(super) use self::imp::{OperationSpan, retrying};
