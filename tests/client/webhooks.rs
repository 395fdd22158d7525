//! Webhooks end to end: configured by the client, delivered by the emulator, verified and parsed by a receiver.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bandyer_client::emulator::Emulator;
use bandyer_client::events::{Event, Verifier, parse};
use bandyer_client::rooms::{NewParticipant, RecordingMode};
use bandyer_client::users::Role;
use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
use bandyer_client::{ApiVersion, Client, RetryPolicy, RoomId, SessionId, user_details};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::support::user;

/// A received request: headers and body.
type Received = (http::HeaderMap, Bytes);

/// A receiver that records requests. It responds with the given statuses in order, then with 200.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn start(statuses: &[u16], response: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect::<VecDeque<u16>>()));
        let keep = Arc::clone(&received);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (keep, statuses) = (Arc::clone(&keep), Arc::clone(&statuses));
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let (keep, statuses) = (Arc::clone(&keep), Arc::clone(&statuses));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        keep.lock().unwrap().push((head.headers, body));
                        let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
                        let response = http::Response::builder()
                            .status(status)
                            .body(Full::new(Bytes::from_static(response.as_bytes())))
                            .unwrap();
                        Ok::<_, hyper::Error>(response)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The received events in order, after verifying their signatures.
    fn verified(&self, emulator: &Emulator) -> Vec<Event> {
        let verifier = Verifier::new(emulator.api_key().clone()).unwrap();
        let read = |(headers, body): &Received| {
            let notification = parse(body).unwrap();
            match headers.get("bandyer-signature") {
                Some(signature) => verifier.verify(signature.to_str().unwrap(), body, Timestamp::now()).unwrap(),
                None => {
                    let proof = headers["room-id-hmac"].to_str().unwrap();
                    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
                    verifier.verify_room_id(proof, body["room_id"].as_str().unwrap()).unwrap();
                }
            }
            notification.event
        };
        self.received().iter().map(read).collect()
    }
}

const ALL: [WebhookEvent; 12] = [
    WebhookEvent::RoomCreated,
    WebhookEvent::RoomDeleted,
    WebhookEvent::RoomFeedback,
    WebhookEvent::SessionStarted,
    WebhookEvent::SessionPaused,
    WebhookEvent::SessionResumed,
    WebhookEvent::SessionEnded,
    WebhookEvent::UserConnected,
    WebhookEvent::UserDisconnected,
    WebhookEvent::RecordingAvailable,
    WebhookEvent::CallIncoming,
    WebhookEvent::CallEnded,
];

async fn with_users(emulator: &Emulator) -> Client {
    let client = emulator.client_for(ApiVersion::V1).unwrap();
    client.users().create(Role::Plus).id(user("d")).send().await.unwrap();
    client.users().create(Role::Basic).id(user("p")).send().await.unwrap();
    client
}

async fn a_room(client: &Client) -> RoomId {
    let people = ["d", "p"].map(|id| NewParticipant::new(user(id)));
    let create =
        client.rooms().create(people).recording(RecordingMode::Automatic).max_duration(Duration::from_secs(600));
    create.send().await.unwrap().id
}

/// Waits until an event is delivered, with a timeout.
async fn delivered(emulator: &Emulator, event: &str) {
    let wait = emulator.until_delivered(event, 1);
    wait.await.unwrap_or_else(|_| panic!("{event} was not delivered: {:?}", emulator.deliveries()));
}

/// A call in which one user leaves and rejoins, and then both leave.
fn a_call(emulator: &Emulator, room: &RoomId) {
    emulator.join(room, &user("d")).unwrap();
    emulator.join(room, &user("p")).unwrap();
    emulator.advance(Duration::from_secs(60));
    emulator.leave(room, &user("p")).unwrap();
    emulator.join(room, &user("p")).unwrap();
    emulator.leave(room, &user("p")).unwrap();
    emulator.leave(room, &user("d")).unwrap();
}

#[tokio::test]
async fn a_whole_call_is_reported_in_order_in_both_versions() {
    for version in [WebhookVersion::V0, WebhookVersion::V1] {
        let (emulator, receiver) = (Emulator::start().await.unwrap(), Receiver::start(&[], "").await);
        let client = with_users(&emulator).await;
        client.v1().webhooks().configure(version, &receiver.url, &ALL).send().await.unwrap();
        let room = a_room(&client).await;
        a_call(&emulator, &room);
        let session = SessionId::new(emulator.sessions()[0].id.as_str()).unwrap();
        emulator.rate(&session, &user("p"), 5).unwrap();
        client.rooms().delete(&room).send().await.unwrap();
        delivered(&emulator, "on_room_deleted").await;
        let events = receiver.verified(&emulator);
        let mut expected = vec![
            "on_room_created",
            "on_user_connected",
            "on_session_started",
            "on_user_connected",
            "on_user_disconnected",
            "on_session_paused",
            "on_user_connected",
            "on_session_resumed",
            "on_user_disconnected",
            "on_session_paused",
            "on_user_disconnected",
            "on_session_ended",
            "on_call_ended",
            "on_recording_available",
            "on_room_new_feedback",
            "on_room_deleted",
        ];
        if version == WebhookVersion::V1 {
            expected.retain(|name| *name != "on_call_ended");
        }
        assert_eq!(events.iter().map(Event::name).collect::<Vec<_>>(), expected);
        assert!(!events.iter().any(|event| matches!(event, Event::Unknown { .. })));
        let Event::RoomCreated(created) = &events[0] else { panic!() };
        assert_eq!((&created.room_id, created.participants.len()), (&room, 2));
        let ended = events.iter().find_map(|event| match event {
            Event::SessionEnded(session) => Some(session),
            _ => None,
        });
        assert_eq!(ended.unwrap().room_id, room);
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_accepted_is_retried() {
    let emulator = Emulator::builder().webhook_retries(5, Duration::from_millis(1)).start().await.unwrap();
    let receiver = Receiver::start(&[500, 204, 404], "").await;
    let client = with_users(&emulator).await;
    let events = [WebhookEvent::RoomCreated];
    client.v1().webhooks().configure(WebhookVersion::V1, &receiver.url, &events).send().await.unwrap();
    a_room(&client).await;
    delivered(&emulator, "on_room_created").await;
    let attempts: Vec<_> = emulator.deliveries().into_iter().map(|one| (one.attempt, one.status)).collect();
    assert_eq!(attempts, [(1, Some(500)), (2, Some(204)), (3, Some(404)), (4, Some(200))]);
    let bodies: Vec<_> = receiver.received().into_iter().map(|(_, body)| body).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_webhook_that_is_never_accepted_is_given_up() {
    let emulator = Emulator::builder().webhook_retries(3, Duration::from_millis(1)).start().await.unwrap();
    let (failing, good) = (Receiver::start(&[500; 9], "").await, Receiver::start(&[], "").await);
    let client = with_users(&emulator).await;
    client
        .v1()
        .webhooks()
        .configure(WebhookVersion::V1, &failing.url, &[WebhookEvent::RoomCreated])
        .send()
        .await
        .unwrap();
    client.v1().webhooks().configure(WebhookVersion::V0, &good.url, &[WebhookEvent::RoomDeleted]).send().await.unwrap();
    let room = a_room(&client).await;
    client.rooms().delete(&room).send().await.unwrap();
    delivered(&emulator, "on_room_deleted").await;
    while failing.received().len() < 3 {
        tokio::task::yield_now().await;
    }
    // Another room shows that the failing receiver still gets new events, but no retries of old ones.
    a_room(&client).await;
    while failing.received().len() < 6 {
        tokio::task::yield_now().await;
    }
    let rooms: Vec<_> = failing.received().iter().map(|(_, body)| body.clone()).collect();
    assert!(rooms[..3].windows(2).all(|pair| pair[0] == pair[1]) && rooms[3] != rooms[2]);
}

#[tokio::test]
async fn a_message_and_a_ringing_call_are_reported() {
    let (emulator, receiver) = (Emulator::start().await.unwrap(), Receiver::start(&[], "").await);
    let client = with_users(&emulator).await;
    let hooks = client.v1().webhooks();
    hooks.configure(WebhookVersion::V1, &receiver.url, &[WebhookEvent::MessageSent]).send().await.unwrap();
    hooks.configure(WebhookVersion::V0, &receiver.url, &[WebhookEvent::CallIncoming]).send().await.unwrap();
    let both = [user("d"), user("p")];
    client.v1().chats().create(&both).send().await.unwrap();
    client.v1().chats().send_message(&both, &user("d"), "hello").send().await.unwrap();
    let people = both.clone().map(NewParticipant::new);
    let room = client.rooms().create(people).live(true).send().await.unwrap().id;
    emulator.join(&room, &user("d")).unwrap();
    delivered(&emulator, "on_message_sent").await;
    delivered(&emulator, "on_call_incoming").await;
    let events = receiver.verified(&emulator);
    let Event::MessageSent(message) = &events[0] else { panic!() };
    assert_eq!(message.sender, user("d"));
    let Event::CallIncoming(call) = &events[1] else { panic!() };
    assert_eq!((&call.room_id, call.users.as_slice()), (&room, &[user("p")][..]));
}

#[tokio::test]
async fn the_user_details_provider_gets_a_signed_request() {
    let emulator = Emulator::start().await.unwrap();
    let response = r#"{"user_ids":[{"user_id":"p","display_name":"M. Rossi"}]}"#;
    let provider = Receiver::start(&[401], response).await;
    let client = emulator.client().unwrap();
    assert!(emulator.ask_user_details(&[user("p")]).await.is_err());
    client.company().update().user_details_provider(&provider.url).send().await.unwrap();
    assert!(emulator.ask_user_details(&[user("p")]).await.is_err());
    let shown = emulator.ask_user_details(&[user("p")]).await.unwrap();
    assert_eq!((shown[0].user_id.as_str(), shown[0].display_name.as_deref()), ("p", Some("M. Rossi")));
    let (headers, body) = provider.received().pop().unwrap();
    let verifier = Verifier::new(emulator.api_key().clone()).unwrap();
    verifier.verify(headers["bandyer-signature"].to_str().unwrap(), &body, Timestamp::now()).unwrap();
    assert_eq!(user_details::parse(&body).unwrap(), [user("p")]);
}

#[tokio::test]
async fn the_rate_limit_is_enforced() {
    let emulator = Emulator::builder().rate_limit(2, Duration::from_secs(60)).start().await.unwrap();
    let client = emulator.client().unwrap();
    for _ in 0..2 {
        client.users().list().send().await.unwrap();
    }
    let request = client.users().list().into_request().retry(RetryPolicy::none());
    let error = request.send().await.unwrap_err();
    assert!(error.is_rate_limited());
    assert!(error.retry_after().is_some_and(|wait| (1..=60).contains(&wait.as_secs())), "{error:?}");
    emulator.advance(Duration::from_secs(60));
    client.users().list().send().await.unwrap();
}
