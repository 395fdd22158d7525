//! How long calls to the platform's services take, under the name that the platform's library gives them when
//! `ENABLE_HTTP_CLIENT_METRICS` is `true`.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::Label;

use crate::telemetry::registry::{Distribution, HistogramFamily, Registry};

/// Upper bounds of the histogram, in milliseconds: those of the platform's library.
const BOUNDS: [f64; 8] = [5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0];

/// The durations of all calls that got a response.
#[derive(Clone)]
pub struct CallMetrics(HistogramFamily);

impl fmt::Debug for CallMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallMetrics(..)")
    }
}

impl CallMetrics {
    /// Registers the histogram.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        Self(registry.histogram(
            "http_request_duration_milliseconds",
            "Duration of calls to other services in milliseconds.",
            Distribution::Buckets(&BOUNDS),
        ))
    }

    /// Records a call that got a response. `url` is a path with names in place of values: each value would take memory
    /// until the server stops, and some are personal.
    pub(super) fn record(&self, base_url: &str, url: &str, method: &Method, status: StatusCode, duration: Duration) {
        let labels = vec![
            Label::new("baseUrl", base_url.to_owned()),
            Label::new("url", url.to_owned()),
            Label::new("method", method.as_str().to_owned()),
            Label::new("statusCode", status.as_str().to_owned()),
        ];
        self.0.with_labels(labels).record(duration.as_secs_f64() * 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};

    use super::CallMetrics;
    use crate::telemetry::registry::Registry;

    #[test]
    fn a_call_is_in_the_platforms_histogram() {
        let registry = Registry::new();
        let calls = CallMetrics::register(&registry);
        calls.record("http://crud", "/c/:id", &Method::GET, StatusCode::OK, Duration::from_millis(30));
        let text = registry.render();
        let labels = r#"baseUrl="http://crud",url="/c/:id",method="GET",statusCode="200""#;
        let found: Vec<&str> = text.lines().filter(|line| line.contains("_bucket{")).collect();
        let bounds = ["5", "10", "50", "100", "500", "1000", "5000", "10000", "+Inf"];
        let expected = bounds.iter().enumerate().map(|(n, bound)| {
            let count = u8::from(n > 1);
            format!(r#"http_request_duration_milliseconds_bucket{{{labels},le="{bound}"}} {count}"#)
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
