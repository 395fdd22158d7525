//! One JSON object a line, in the shape of the platform's other services.
//!
//! Field names with dots become nested objects (`http.request.method`), levels are numbers, and the fields of the
//! request's span are added to those of the event.

use std::fmt;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::base::error_chain::chain;

/// First-level fields whose values are never shown, as in the platform's services. The server does not log them; this is a
/// second line of defence.
const REDACTED: [&str; 5] = ["email", "password", "username", "authorization", "cookie"];
/// Lines that wait for a slow reader of standard output before writers wait too.
const QUEUE_LINES: usize = 16_384;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(LevelFilter);

impl Level {
    /// The platform's names.
    pub const NAMES: &[&str] = &["error", "warn", "info", "debug", "trace", "silent"];

    /// A level by its name; an unknown one is `info`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        Self(match name {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            "silent" => LevelFilter::OFF,
            _ => LevelFilter::INFO,
        })
    }
}

/// Starts logging. Dropping the guard writes the lines that are still queued.
#[must_use = "dropping the guard ends logging"]
pub fn start(level: Level, output: impl Write + Send + 'static) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE_LINES)
        // A lost line may be the one about a lost room.
        .lossy(false)
        .finish(output);
    let subscriber =
        tracing_subscriber::registry().with(JsonLines::new(writer).with_filter(own_crates_and_warnings(level)));
    // Fails only when logging was started before, as by tests; then that one stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    guard
}

/// Dependencies log addresses and bodies at lower levels, so they are logged at warn and above only. The database driver is
/// not logged at all: it returns every failure too, and our lines say it once, in words and without text of the database.
fn own_crates_and_warnings(level: Level) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata: &Metadata<'_>| {
        let is_own = ["teleconsult_server", "bandyer_client"].iter().any(|name| metadata.target().starts_with(name));
        let is_silent = metadata.target().starts_with("sqlx");
        *metadata.level() <= level.0 && (is_own || (*metadata.level() <= tracing::Level::WARN && !is_silent))
    })
    .with_max_level_hint(level.0)
}

struct JsonLines {
    writer: NonBlocking,
    pid: u32,
    hostname: String,
}

impl JsonLines {
    fn new(writer: NonBlocking) -> Self {
        Self { writer, pid: std::process::id(), hostname: gethostname::gethostname().to_string_lossy().into_owned() }
    }
}

/// The fields of a span, stored in its extensions.
struct SpanFields(Fields);

impl<S> Layer<S> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(inherited)) = span.extensions().get() {
                fields.0.extend(inherited.0.iter().cloned());
            }
        }
        event.record(&mut fields);
        let mut line = self.line(*event.metadata().level(), fields);
        line.push(b'\n');
        // An error means that standard output is closed, and there is no other place to report it.
        let _ = self.writer.clone().write_all(&line);
    }
}

impl JsonLines {
    fn line(&self, level: tracing::Level, fields: Fields) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = Map::new();
        line.insert("level".into(), number_of(level).into());
        line.insert("time".into(), u64::try_from(now.as_millis()).unwrap_or(u64::MAX).into());
        line.insert("pid".into(), self.pid.into());
        line.insert("hostname".into(), self.hostname.as_str().into());
        for (name, value) in fields.0 {
            let name = if name == "message" { "msg" } else { name };
            let value = if REDACTED.contains(&name) { "[REDACTED]".into() } else { value };
            insert(&mut line, name, value);
        }
        serde_json::to_vec(&line).unwrap_or_default()
    }
}

const fn number_of(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 50,
        tracing::Level::WARN => 40,
        tracing::Level::INFO => 30,
        tracing::Level::DEBUG => 20,
        tracing::Level::TRACE => 10,
    }
}

/// Inserts `a.b.c` three levels deep.
fn insert(object: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            object.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let entry = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.into()));
    }

    /// An error with its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.push((field.name(), chain(value).into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}").into()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fields, JsonLines, insert};

    fn line(fields: Vec<(&'static str, Value)>) -> Value {
        let (writer, _guard) = tracing_appender::non_blocking(std::io::sink());
        let lines = JsonLines { writer, pid: 7, hostname: "h".into() };
        serde_json::from_slice(&lines.line(tracing::Level::WARN, Fields(fields))).unwrap()
    }

    #[test]
    fn a_line_has_the_platforms_shape() {
        let line = line(vec![
            ("reqId", "r1".into()),
            ("http.request.method", "GET".into()),
            ("http.response.statusCode", 200.into()),
            ("message", "request completed".into()),
        ]);
        assert_eq!((&line["level"], &line["pid"], &line["hostname"]), (&json!(40), &json!(7), &json!("h")));
        assert!(line["time"].as_u64().unwrap() > 1_600_000_000_000);
        assert_eq!(line["http"], json!({"request": {"method": "GET"}, "response": {"statusCode": 200}}));
        assert_eq!((&line["reqId"], &line["msg"]), (&json!("r1"), &json!("request completed")));
    }

    #[test]
    fn sensitive_fields_are_redacted_and_control_characters_escaped() {
        let line = line(vec![("authorization", "canary".into()), ("message", "a\nb".into())]);
        assert_eq!((&line["authorization"], &line["msg"]), (&json!("[REDACTED]"), &json!("a\nb")));
    }

    #[test]
    fn a_name_that_is_both_value_and_object_does_no_harm() {
        let mut object = serde_json::Map::new();
        insert(&mut object, "a", 1.into());
        insert(&mut object, "a.b", 2.into());
        assert_eq!(Value::Object(object), json!({"a": 1}));
    }
}
