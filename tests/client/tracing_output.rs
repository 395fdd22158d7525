//! The spans and events of the feature `tracing`, without personal data.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use httpmock::MockServer;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{user, v2};

/// Records all spans and events of the client.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Recorder {
    fn push(&self, start: &str, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(start.to_owned());
        record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if attributes.metadata().target().starts_with("bandyer_client") {
            self.push(attributes.metadata().name(), |fields| attributes.record(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if context.span(id).is_some_and(|span| span.metadata().target().starts_with("bandyer_client")) {
            self.push("recorded", |fields| values.record(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("bandyer_client") {
            self.push("event", |fields| event.record(fields));
        }
    }
}

#[tokio::test]
async fn an_operation_is_a_span_and_a_retry_is_an_event() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(503).body("canary").up_to_n_times(1);
        })
        .await;
    server
        .mock_async(|_, then| {
            then.status(404).body(r#"{"code": "canary", "message": "canary"}"#);
        })
        .await;
    let recorder = Recorder::default();
    let client = v2(&server);
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    let error = client.users().get(&user("canary")).send().with_subscriber(subscriber).await.unwrap_err();
    assert!(error.is_not_found());
    let records = recorder.0.lock().unwrap();
    assert_eq!(records[0], "bandyer_request operation=\"get user\" api_version=v2");
    assert!(
        records[1]
            .starts_with("event message=request is sent again operation=\"get user\" attempts=1 kind=Api status=503")
    );
    assert_eq!(&records[2..], ["recorded attempts=2", "recorded status=404", "recorded error_kind=Api"]);
    assert!(!records.iter().any(|record| record.contains("canary")), "{records:?}");
}

#[tokio::test]
async fn a_download_and_the_request_for_its_link_are_spans() {
    let server = MockServer::start_async().await;
    let link = serde_json::json!({"url": server.url("/canary?canary")});
    server
        .mock_async(|when, then| {
            when.path("/v2/sessions/canary/recording");
            then.status(200).json_body(link);
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/canary");
            then.status(200).body("canary");
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/v2/sessions/canary/transcription");
            then.status(404);
        })
        .await;
    let recorder = Recorder::default();
    let client = v2(&server);
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    let session = bandyer_client::SessionId::new("canary").unwrap();
    async {
        client.recordings().download(&session).send().await.unwrap();
        client.transcripts().download(&session).send().await.unwrap_err();
    }
    .with_subscriber(subscriber)
    .await;
    let expected = [
        "bandyer_request operation=\"download recording\" api_version=v2",
        "bandyer_request operation=\"download recording\" api_version=v2",
        "recorded attempts=1",
        "recorded status=200",
        // For the link and for the file.
        "recorded attempts=2",
        "recorded status=200",
        "bandyer_request operation=\"get transcription\" api_version=v2",
        "recorded attempts=1",
        "recorded status=404",
        "recorded error_kind=Api",
    ];
    assert_eq!(*recorder.0.lock().unwrap(), expected);
}
