//! The metrics of one server, in the text format of Prometheus.
//!
//! The owner of a metric registers it with a name and a help text and keeps the handle. Each server has its own registry,
//! so that several of them in one process do not share counts.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::process;

/// The media type of what [`Registry::render`] returns.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// A registry. Clones share their metrics.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    /// Counters and gauges.
    scalars: PrometheusRecorder,
    /// One per histogram, because a recorder takes its buckets when it is built.
    histograms: Mutex<Vec<PrometheusHandle>>,
}

/// How the values of a histogram are summarized.
#[derive(Debug, Clone, Copy)]
pub enum Distribution {
    /// Cumulative buckets with these upper bounds.
    Buckets(&'static [f64]),
    /// A summary with these quantiles.
    Quantiles(&'static [f64]),
}

/// Histograms with the same name and different labels.
#[derive(Clone)]
pub struct HistogramFamily {
    name: &'static str,
    recorder: Arc<PrometheusRecorder>,
}

impl HistogramFamily {
    /// The histogram with these labels. It is made when it is first asked for and kept until the server stops, so label
    /// values must come from a limited set.
    pub fn with_labels(&self, labels: Vec<Label>) -> Histogram {
        self.recorder.register_histogram(&Key::from_parts(self.name, labels), &METADATA)
    }
}

impl Registry {
    /// An empty registry.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a registry that is not rendered is a mistake")]
    pub fn new() -> Self {
        let scalars = PrometheusBuilder::new().build_recorder();
        Self(Arc::new(Inner { scalars, histograms: Mutex::default() }))
    }

    /// Registers a counter. The same name gives the same counter.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.0.scalars.describe_counter(name.into(), None, help.into());
        self.0.scalars.register_counter(&Key::from_static_name(name), &METADATA)
    }

    /// Registers a gauge. The same name gives the same gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.0.scalars.describe_gauge(name.into(), None, help.into());
        self.0.scalars.register_gauge(&Key::from_static_name(name), &METADATA)
    }

    /// Registers histograms. A name can be registered once.
    #[must_use]
    pub fn histogram(&self, name: &'static str, help: &'static str, distribution: Distribution) -> HistogramFamily {
        #[expect(clippy::expect_used, reason = "bounds and quantiles are constants that are not empty")]
        let recorder = builder(distribution).expect("bounds or quantiles").build_recorder();
        recorder.describe_histogram(name.into(), None, help.into());
        self.histograms().push(recorder.handle());
        HistogramFamily { name, recorder: Arc::new(recorder) }
    }

    /// All registered metrics and those of the process.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.0.scalars.handle().render();
        for histogram in self.histograms().iter() {
            text.push_str(&histogram.render());
        }
        text.push_str(&process::rendered());
        text
    }

    /// Moves recorded durations into their buckets, which bounds the memory they take.
    pub fn upkeep(&self) {
        for histogram in self.histograms().iter() {
            histogram.run_upkeep();
        }
    }

    fn histograms(&self) -> std::sync::MutexGuard<'_, Vec<PrometheusHandle>> {
        self.0.histograms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn builder(distribution: Distribution) -> Result<PrometheusBuilder, BuildError> {
    match distribution {
        Distribution::Buckets(bounds) => PrometheusBuilder::new().set_buckets(bounds),
        Distribution::Quantiles(quantiles) => PrometheusBuilder::new().set_quantiles(quantiles),
    }
}

#[cfg(test)]
mod tests {
    use metrics::Label;

    use super::{Distribution, Registry};

    #[test]
    fn a_counter_starts_at_zero_and_is_shared_by_its_name() {
        let registry = Registry::new();
        let first = registry.counter("things_total", "Things.");
        assert!(
            registry.render().contains("# HELP things_total Things.\n# TYPE things_total counter\nthings_total 0\n")
        );
        first.increment(1);
        registry.counter("things_total", "Things.").increment(2);
        assert!(registry.render().contains("\nthings_total 3\n"));
    }

    #[test]
    fn each_histogram_has_its_own_buckets() {
        let registry = Registry::new();
        let [small, large] = [("small", [1.0]), ("large", [100.0])].map(|(name, bounds)| {
            registry.histogram(name, "A size.", Distribution::Buckets(Vec::leak(bounds.to_vec())))
        });
        small.with_labels(vec![Label::from_static_parts("kind", "a")]).record(2.0);
        large.with_labels(vec![]).record(2.0);
        let text = registry.render();
        for line in [r#"small_bucket{kind="a",le="1"} 0"#, r#"large_bucket{le="100"} 1"#] {
            assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_resources_of_the_process_are_shown() {
        let text = Registry::new().render();
        for name in ["process_start_time_seconds", "process_resident_memory_bytes", "process_open_fds"] {
            let start = format!("{name} ");
            let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&start)).collect();
            assert!(lines.len() == 1 && !lines[0].ends_with(" 0"), "{name} {lines:?}");
        }
    }
}
