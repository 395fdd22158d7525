//! What the feature `tracing` tells, and what it never does.

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

/// Writes down all spans and events of the client.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Notes {
    fn note(&self, start: &str, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(start.to_owned());
        record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if attributes.metadata().target().starts_with("bandyer_client") {
            self.note(attributes.metadata().name(), |fields| attributes.record(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if context.span(id).is_some_and(|span| span.metadata().target().starts_with("bandyer_client")) {
            self.note("recorded", |fields| values.record(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("bandyer_client") {
            self.note("event", |fields| event.record(fields));
        }
    }
}

#[tokio::test]
async fn an_operation_is_a_span_and_a_repeat_is_an_event_with_chosen_fields_alone() {
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
    let notes = Notes::default();
    let client = v2(&server);
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    let error = client.users().get(&user("canary")).send().with_subscriber(subscriber).await.unwrap_err();
    assert!(error.is_not_found());
    let notes = notes.0.lock().unwrap();
    assert_eq!(notes[0], "bandyer_request operation=\"get user\" api_version=v2");
    assert!(
        notes[1]
            .starts_with("event message=request is sent again operation=\"get user\" attempts=1 kind=Api status=503")
    );
    assert_eq!(&notes[2..], ["recorded attempts=2", "recorded status=404", "recorded error_kind=Api"]);
    assert!(!notes.iter().any(|note| note.contains("canary")), "{notes:?}");
}

#[tokio::test]
async fn a_download_is_a_span_too_and_the_link_it_needs_is_another() {
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
    let notes = Notes::default();
    let client = v2(&server);
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    let session = bandyer_client::SessionId::new("canary").unwrap();
    async {
        client.recordings().download(&session).send().await.unwrap();
        client.transcripts().download(&session).send().await.unwrap_err();
    }
    .with_subscriber(subscriber)
    .await;
    let expected = [
        "bandyer_request operation=\"download recording\" api_version=v2",
        "bandyer_request operation=\"get recording link\" api_version=v2",
        "recorded attempts=1",
        "recorded status=200",
        "recorded attempts=1",
        "recorded status=200",
        "bandyer_request operation=\"get transcription\" api_version=v2",
        "recorded attempts=1",
        "recorded status=404",
        "recorded error_kind=Api",
    ];
    assert_eq!(*notes.0.lock().unwrap(), expected);
}
