//! What is counted about the store.

use metrics::Counter;

use crate::telemetry::registry::Registry;

/// Registers the counter of store errors.
pub fn errors(registry: &Registry) -> Counter {
    registry.counter("teleconsult_store_errors_total", "Requests and background runs that failed because of the store.")
}

/// Registers the counter of teleconsultations that were removed because of their age.
pub fn removals(registry: &Registry) -> Counter {
    registry.counter("teleconsult_retention_removals_total", "Teleconsultations removed because of their age.")
}
