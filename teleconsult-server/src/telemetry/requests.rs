//! How long requests take, under the names, labels and buckets of the predecessor, so that dashboards and alerts keep
//! working.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Histogram, Label};

use super::registry::{Distribution, HistogramFamily, Registry};

/// Upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
/// The label of requests that match no route. Callers choose unknown paths, and each label value takes memory until the
/// server stops.
const UNKNOWN_ROUTE: &str = "__unknown__";

/// The durations of all completed requests.
pub struct RequestMetrics {
    histogram: HistogramFamily,
    summary: HistogramFamily,
    /// A cache, so that labels are not built for each request.
    recorders: RwLock<HashMap<Kind, Recorders>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    method: &'static str,
    route: &'static str,
    status: StatusCode,
}

#[derive(Clone)]
struct Recorders {
    histogram: Histogram,
    summary: Histogram,
}

impl RequestMetrics {
    /// Registers both metrics.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        let histogram = registry.histogram(
            "http_request_duration_seconds",
            "Request duration in seconds.",
            Distribution::Buckets(&BOUNDS),
        );
        let summary = registry.histogram(
            "http_request_summary_seconds",
            "Request duration in seconds, as quantiles.",
            Distribution::Quantiles(&QUANTILES),
        );
        Self { histogram, summary, recorders: RwLock::default() }
    }

    /// Records a completed request. `route` is the template of its path, if it matched one.
    pub fn record(&self, method: &Method, route: Option<&'static str>, status: StatusCode, duration: Duration) {
        let kind = Kind { method: method_label(method), route: route.unwrap_or(UNKNOWN_ROUTE), status };
        let recorders = self.recorders_of(kind);
        recorders.histogram.record(duration);
        recorders.summary.record(duration);
    }

    fn recorders_of(&self, kind: Kind) -> Recorders {
        if let Some(recorders) = self.recorders.read().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return recorders.clone();
        }
        let labels = vec![
            Label::from_static_parts("method", kind.method),
            Label::from_static_parts("route", kind.route),
            Label::new("status_code", kind.status.as_str().to_owned()),
        ];
        let histogram = self.histogram.with_labels(labels.clone());
        let recorders = Recorders { histogram, summary: self.summary.with_labels(labels) };
        self.recorders.write().unwrap_or_else(PoisonError::into_inner).entry(kind).or_insert(recorders).clone()
    }
}

/// Callers may invent methods as well as paths.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    const LABELS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.iter().zip(LABELS).find(|(known, _)| *known == method).map_or("OTHER", |(_, label)| label)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};

    use super::RequestMetrics;
    use crate::telemetry::registry::Registry;

    fn lines(registry: &Registry, start: &str) -> Vec<String> {
        registry.render().lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    }

    #[test]
    fn a_request_is_in_the_predecessors_histogram_and_summary() {
        let registry = Registry::new();
        let requests = RequestMetrics::register(&registry);
        for millis in [30, 3] {
            let duration = Duration::from_millis(millis);
            requests.record(&Method::GET, Some("/teleconsultation/:roomId"), StatusCode::OK, duration);
        }
        let labels = r#"method="GET",route="/teleconsultation/:roomId",status_code="200""#;
        let buckets = lines(&registry, "http_request_duration_seconds_bucket");
        let expected: Vec<String> =
            [("0.005", 1), ("0.01", 1), ("0.025", 1), ("0.05", 2), ("0.1", 2), ("0.25", 2), ("0.5", 2), ("1", 2)]
                .into_iter()
                .chain([("2.5", 2), ("5", 2), ("10", 2), ("+Inf", 2)])
                .map(|(le, count)| format!(r#"http_request_duration_seconds_bucket{{{labels},le="{le}"}} {count}"#))
                .collect();
        assert_eq!(buckets, expected);
        assert_eq!(lines(&registry, "http_request_duration_seconds_count").len(), 1);
        assert_eq!(lines(&registry, "http_request_summary_seconds{").len(), 4);
        assert_eq!(lines(&registry, "# TYPE http_request_summary_seconds").len(), 1);
    }

    #[test]
    fn what_callers_invent_makes_no_new_label() {
        let registry = Registry::new();
        let requests = RequestMetrics::register(&registry);
        for n in 0..50 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            requests.record(&method, None, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let counts = lines(&registry, "http_request_duration_seconds_count");
        let expected =
            r#"http_request_duration_seconds_count{method="OTHER",route="__unknown__",status_code="404"} 50"#;
        assert_eq!(counts, [expected]);
    }
}
