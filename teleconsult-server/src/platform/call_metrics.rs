//! How long calls to the platform's services take, under the name that the platform's library gives them when
//! `ENABLE_HTTP_CLIENT_METRICS` is `true`.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

const DURATION: &str = "http_request_duration_milliseconds";
const MILLISECONDS: [f64; 8] = [5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0];
const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The times of all calls that were answered.
pub struct CallTimes(PrometheusRecorder);

impl fmt::Debug for CallTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallTimes(..)")
    }
}

impl CallTimes {
    /// An empty set.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a set of metrics that nobody asked for would be a mistake")]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the buckets above are not empty")]
        let recorder = builder().expect("buckets").build_recorder();
        recorder.describe_histogram(
            DURATION.into(),
            None,
            "Duration of calls to other services in milliseconds.".into(),
        );
        Self(recorder)
    }

    /// Notes an answered call. `url` is a path with names in place of values: each value would cost memory for ever, and
    /// some are personal.
    pub(crate) fn answered(&self, base_url: &str, url: &str, method: &Method, status: StatusCode, took: Duration) {
        let labels = vec![
            Label::new("baseUrl", base_url.to_owned()),
            Label::new("url", url.to_owned()),
            Label::new("method", method.as_str().to_owned()),
            Label::new("statusCode", status.as_str().to_owned()),
        ];
        let times = self.0.register_histogram(&Key::from_parts(DURATION, labels), &METADATA);
        times.record(took.as_secs_f64() * 1000.0);
    }

    /// The lines to add to the other metrics.
    pub(crate) fn rendered(&self) -> String {
        self.0.handle().render()
    }

    /// Keeps the memory of recorded times small.
    pub(crate) fn keep_up(&self) {
        self.0.handle().run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &MILLISECONDS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};

    use super::CallTimes;

    #[test]
    fn a_call_is_in_the_platforms_histogram() {
        let times = CallTimes::new();
        times.answered("http://crud", "/c/:id", &Method::GET, StatusCode::OK, Duration::from_millis(30));
        let text = times.rendered();
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
