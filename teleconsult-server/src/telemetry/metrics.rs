//! What is counted and timed, in the text form of Prometheus.
//!
//! The HTTP metrics have the names, labels and buckets of the predecessor's, so that dashboards and alerts go on. Each
//! server has a recorder of its own; nothing is global.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::process;
use crate::platform::call_metrics::CallTimes;
use crate::rooms::RoundError;
use crate::store::JournalCounts;
use crate::vendor::BreakerMetrics;

/// The media type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

const DURATION: &str = "http_request_duration_seconds";
const SUMMARY: &str = "http_request_summary_seconds";
const ATTEMPTS: &str = "teleconsult_room_attempts_total";
const RETIREMENTS: &str = "teleconsult_room_retirements_total";
const UNKNOWN_OUTCOMES: &str = "teleconsult_room_unknown_outcomes_total";
const ADOPTIONS: &str = "teleconsult_room_adoptions_total";
const DISCARDS: &str = "teleconsult_room_discards_total";
const SWEEPS: &str = "teleconsult_room_sweeps_total";
const ORPHANS: &str = "teleconsult_room_swept_orphans_total";
const STORE_ERRORS: &str = "teleconsult_store_errors_total";
const BREAKER_OPEN: &str = "teleconsult_vendor_breaker_open";
const BREAKER_OPENINGS: &str = "teleconsult_vendor_breaker_openings_total";
const PARKED_RETIREMENTS: &str = "teleconsult_room_parked_retirements";
const POSSIBLE_LEAKS: &str = "teleconsult_room_possible_leaks";
const OPEN_ATTEMPTS: &str = "teleconsult_room_open_attempts";
const PENDING_RETIREMENTS: &str = "teleconsult_room_pending_retirements";

const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// How often recorded times are put into their buckets when nobody asks for the metrics. Until then each takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// All metrics of one server.
pub struct Metrics {
    recorder: PrometheusRecorder,
    text: PrometheusHandle,
    requests: RwLock<HashMap<Answered, RequestTimes>>,
    open_attempts: Gauge,
    pending_retirements: Gauge,
    parked_retirements: Gauge,
    possible_leaks: Gauge,
    store_errors: Counter,
    calls: Option<Arc<CallTimes>>,
}

/// A kind of answered request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: StatusCode,
}

#[derive(Clone)]
struct RequestTimes {
    buckets: Histogram,
    quantiles: Histogram,
}

/// What the room keeper counts.
#[derive(Clone)]
pub struct RoomCounters {
    /// Rooms that were asked for.
    pub attempts: Counter,
    /// Rooms that were deleted because nobody needed them any more.
    pub retirements: Counter,
    /// Room creations whose answer was lost.
    pub unknown_outcomes: Counter,
    /// Lost rooms that were found at once and used.
    pub adoptions: Counter,
    /// Rooms that were deleted because nobody was told of them.
    pub discards: Counter,
    /// Looks through the vendor's rooms.
    pub sweeps: Counter,
    /// Rooms that a sweep found and nobody needs.
    pub orphans: Counter,
    /// Rounds that the store could not serve.
    pub store_errors: Counter,
}

impl RoomCounters {
    /// Notes a round that was left undone.
    pub fn failed(&self, error: &RoundError) {
        if matches!(error, RoundError::Store(_)) {
            self.store_errors.increment(1);
        }
    }
}

/// Counts for nobody.
impl Default for RoomCounters {
    fn default() -> Self {
        let [attempts, retirements, unknown_outcomes, adoptions, discards, sweeps, orphans, store_errors] =
            std::array::from_fn(|_| Counter::noop());
        Self { attempts, retirements, unknown_outcomes, adoptions, discards, sweeps, orphans, store_errors }
    }
}

impl Metrics {
    /// An empty set. `calls` are shown beside it, where an operator wants them.
    #[must_use]
    pub fn new(calls: Option<Arc<CallTimes>>) -> Self {
        #[expect(clippy::expect_used, reason = "the buckets and quantiles above are not empty")]
        let recorder = builder().expect("buckets and quantiles").build_recorder();
        recorder.describe_histogram(DURATION.into(), None, "Request duration in seconds.".into());
        recorder.describe_histogram(SUMMARY.into(), None, "Request duration in seconds, as quantiles.".into());
        for (name, help) in [
            (ATTEMPTS, "Rooms that were asked for."),
            (RETIREMENTS, "Rooms that were deleted because nobody needed them any more."),
            (UNKNOWN_OUTCOMES, "Room creations whose answer was lost, so that there may be a room."),
            (ADOPTIONS, "Rooms whose answer was lost and that were found at once and used."),
            (DISCARDS, "Rooms that are deleted because no caller was told of them."),
            (SWEEPS, "Looks through the vendor's rooms for those that nobody needs."),
            (ORPHANS, "Rooms that nobody needs and a sweep found."),
            (STORE_ERRORS, "Requests and background rounds that the store could not serve."),
            (BREAKER_OPENINGS, "Times that the vendor was left alone because it kept failing."),
        ] {
            recorder.describe_counter(name.into(), None, help.into());
        }
        for (name, help) in [
            (OPEN_ATTEMPTS, "Rooms that were asked for and whose fate is not settled."),
            (PENDING_RETIREMENTS, "Rooms that wait for their deletion."),
            (PARKED_RETIREMENTS, "Rooms that resist deletion and are left until the next start."),
            (POSSIBLE_LEAKS, "Rooms whose answer was lost and that were never found."),
            (BREAKER_OPEN, "1 while the vendor is left alone because it kept failing."),
        ] {
            recorder.describe_gauge(name.into(), None, help.into());
        }
        let gauge = |name| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        Self {
            text: recorder.handle(),
            requests: RwLock::default(),
            open_attempts: gauge(OPEN_ATTEMPTS),
            pending_retirements: gauge(PENDING_RETIREMENTS),
            parked_retirements: gauge(PARKED_RETIREMENTS),
            possible_leaks: gauge(POSSIBLE_LEAKS),
            store_errors: recorder.register_counter(&Key::from_static_name(STORE_ERRORS), &METADATA),
            recorder,
            calls,
        }
    }

    /// What the room keeper counts with.
    #[must_use]
    pub fn room_counters(&self) -> RoomCounters {
        let counter = |name| self.recorder.register_counter(&Key::from_static_name(name), &METADATA);
        RoomCounters {
            attempts: counter(ATTEMPTS),
            retirements: counter(RETIREMENTS),
            unknown_outcomes: counter(UNKNOWN_OUTCOMES),
            adoptions: counter(ADOPTIONS),
            discards: counter(DISCARDS),
            sweeps: counter(SWEEPS),
            orphans: counter(ORPHANS),
            store_errors: counter(STORE_ERRORS),
        }
    }

    /// What the vendor's breaker tells with.
    #[must_use]
    pub fn breaker(&self) -> BreakerMetrics {
        BreakerMetrics {
            open: self.recorder.register_gauge(&Key::from_static_name(BREAKER_OPEN), &METADATA),
            openings: self.recorder.register_counter(&Key::from_static_name(BREAKER_OPENINGS), &METADATA),
        }
    }

    /// Notes a request that the store could not serve.
    pub fn store_failed(&self) {
        self.store_errors.increment(1);
    }

    /// Notes an answered request.
    pub fn answered(&self, method: &Method, route: Option<&'static str>, status: StatusCode, took: Duration) {
        let kind = Answered {
            method: shown_method(method),
            // Callers choose unknown paths, and each label value costs memory for ever.
            route: route.unwrap_or("__unknown__"),
            status,
        };
        let times = self.times_of(kind);
        times.buckets.record(took);
        times.quantiles.record(took);
    }

    fn times_of(&self, kind: Answered) -> RequestTimes {
        if let Some(times) = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return times.clone();
        }
        let labels = vec![
            Label::from_static_parts("method", kind.method),
            Label::from_static_parts("route", kind.route),
            Label::new("status_code", kind.status.as_str().to_owned()),
        ];
        let histogram = |name| self.recorder.register_histogram(&Key::from_parts(name, labels.clone()), &METADATA);
        let times = RequestTimes { buckets: histogram(DURATION), quantiles: histogram(SUMMARY) };
        self.requests.write().unwrap_or_else(PoisonError::into_inner).entry(kind).or_insert(times).clone()
    }

    /// Everything, and the counts of the journal at this moment.
    #[must_use]
    pub fn render(&self, journal: Option<JournalCounts>) -> String {
        // What is not known is no zero.
        let shown = |count: fn(JournalCounts) -> u64| journal.map_or(f64::NAN, |counts| count(counts) as f64);
        self.open_attempts.set(shown(|counts| counts.open_attempts));
        self.pending_retirements.set(shown(|counts| counts.pending_retirements));
        self.parked_retirements.set(shown(|counts| counts.parked_retirements));
        self.possible_leaks.set(shown(|counts| counts.possible_leaks));
        let mut text = self.text.render();
        if let Some(calls) = &self.calls {
            text.push_str(&calls.rendered());
        }
        text.push_str(&process::rendered());
        text
    }

    /// Keeps the memory of recorded times small, for ever.
    pub async fn keep_up(&self) {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.text.run_upkeep();
            if let Some(calls) = &self.calls {
                calls.keep_up();
            }
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &SECONDS)?
        .set_quantiles(&QUANTILES)
}

/// Callers may invent methods too.
fn shown_method(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.iter().zip(NAMES).find(|(known, _)| *known == method).map_or("OTHER", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};

    use super::Metrics;
    use crate::store::JournalCounts;

    fn lines(metrics: &Metrics, start: &str) -> Vec<String> {
        let counts =
            JournalCounts { open_attempts: 2, pending_retirements: 1, parked_retirements: 0, possible_leaks: 0 };
        let text = metrics.render(Some(counts));
        text.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    }

    #[test]
    fn a_request_is_in_the_predecessors_histogram_and_summary() {
        let metrics = Metrics::new(None);
        metrics.answered(&Method::GET, Some("/teleconsultation/:roomId"), StatusCode::OK, Duration::from_millis(30));
        metrics.answered(&Method::GET, Some("/teleconsultation/:roomId"), StatusCode::OK, Duration::from_millis(3));
        let labels = r#"method="GET",route="/teleconsultation/:roomId",status_code="200""#;
        let buckets = lines(&metrics, "http_request_duration_seconds_bucket");
        let expected: Vec<String> =
            [("0.005", 1), ("0.01", 1), ("0.025", 1), ("0.05", 2), ("0.1", 2), ("0.25", 2), ("0.5", 2), ("1", 2)]
                .into_iter()
                .chain([("2.5", 2), ("5", 2), ("10", 2), ("+Inf", 2)])
                .map(|(le, count)| format!(r#"http_request_duration_seconds_bucket{{{labels},le="{le}"}} {count}"#))
                .collect();
        assert_eq!(buckets, expected);
        assert_eq!(lines(&metrics, "http_request_duration_seconds_count").len(), 1);
        assert_eq!(lines(&metrics, "http_request_summary_seconds{").len(), 4);
        assert_eq!(lines(&metrics, "# TYPE http_request_summary_seconds").len(), 1);
    }

    #[test]
    fn what_callers_invent_makes_no_new_label() {
        let metrics = Metrics::new(None);
        for n in 0..50 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            metrics.answered(&method, None, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let counts = lines(&metrics, "http_request_duration_seconds_count");
        let expected =
            r#"http_request_duration_seconds_count{method="OTHER",route="__unknown__",status_code="404"} 50"#;
        assert_eq!(counts, [expected]);
    }

    #[test]
    fn counters_start_at_zero_and_an_unreadable_journal_is_no_zero() {
        let metrics = Metrics::new(None);
        let counters = metrics.room_counters();
        counters.discards.increment(1);
        let shown = lines(&metrics, "teleconsult_");
        for line in [
            "teleconsult_room_unknown_outcomes_total 0",
            "teleconsult_room_discards_total 1",
            "teleconsult_room_possible_leaks 0",
            "teleconsult_room_open_attempts 2",
            "teleconsult_room_pending_retirements 1",
        ] {
            assert!(shown.iter().any(|shown| shown == line), "{line}: {shown:#?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_tells_what_it_takes() {
        let metrics = Metrics::new(None);
        for name in ["process_start_time_seconds", "process_resident_memory_bytes", "process_open_fds"] {
            let lines = lines(&metrics, &format!("{name} "));
            assert!(lines.len() == 1 && !lines[0].ends_with(" 0"), "{name} {lines:?}");
        }
    }
}
