//! What operators see.

use super::reader::Reader;
use crate::telemetry::logs::Level;

/// What operators see.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// Whether `/-/metrics` is served.
    pub expose_metrics: bool,
    /// What is logged.
    pub log_level: Level,
}

/// The predecessor's.
const DEFAULT_LOG_LEVEL: &str = "info";

pub(super) fn read(reader: &mut Reader<'_>) -> TelemetrySettings {
    TelemetrySettings {
        // As in the predecessor.
        expose_metrics: reader.boolean("EXPOSE_METRICS", true),
        log_level: Level::parse(&reader.one_of("LOG_LEVEL", Level::NAMES, DEFAULT_LOG_LEVEL)),
    }
}
