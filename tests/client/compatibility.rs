//! Compile-time guarantees for callers, and compatibility with newer responses.

use bandyer_client::chats::MessagePage;
use bandyer_client::company::CompanyProfile;
use bandyer_client::emulator::Emulator;
use bandyer_client::rooms::{CallType, NewParticipant, Room};
use bandyer_client::sessions::{Session, SessionFilter};
use bandyer_client::signatures::Envelope;
use bandyer_client::uploads::Upload;
use bandyer_client::users::{Role, User, Users};
use bandyer_client::webhooks::Webhook;
use bandyer_client::{
    Client, Download, DownloadRequest, Error, File, FileUrl, Items, List, Page, Request, RetryPolicy, RoomId,
};
use httpmock::MockServer;
use serde_json::json;

use crate::support::{room, user, v2};

#[tokio::test]
async fn unknown_values_and_fields_are_kept_or_ignored() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200)
                .json_body(json!({"id": "r", "call_type": "hologram", "status": "DREAMING", "brand_new": [1],
            "participants": [{"user_id": "d", "url": "https://h/x", "mood": "good"}]}));
        })
        .await;
    let room = v2(&server).rooms().get(&room("r")).send().await.unwrap();
    assert_eq!(room.call_type.as_ref().unwrap().as_str(), "hologram");
    assert!(matches!(room.call_type, Some(CallType::Unknown(_))));
    assert_eq!(room.status.unwrap().to_string(), "DREAMING");
    assert_eq!(room.participants[0].join_url.as_ref().unwrap().expose(), "https://h/x");
}

#[test]
fn a_user_can_be_deserialized_in_tests_of_callers() {
    let user: User = serde_json::from_value(json!({"id": "d", "role": "plus", "later": true})).unwrap();
    assert_eq!((user.role, user.camera), (Some(Role::Plus), None));
}

#[test]
fn clients_errors_and_futures_are_send() {
    fn assert_all<T: Send + Sync + 'static>() {}
    fn assert_send<T: Send>(_: T) {}
    assert_all::<Client>();
    assert_all::<Error>();
    assert_all::<RetryPolicy>();
    assert_all::<Request<Room>>();
    assert_all::<List<Session, SessionFilter>>();
    assert_all::<DownloadRequest>();
    assert_all::<(File, FileUrl, Page<Room>, CompanyProfile, Upload, MessagePage, Envelope, Webhook)>();
    fn assert_moves<T: Send + 'static>() {}
    assert_moves::<Download>();
    let client = Client::builder("k").base_url("https://h").build().unwrap();
    let (u, r) = (user("d"), room("r"));
    assert_send(client.users().create(Role::Plus).send());
    assert_send(client.users().get(&u).send());
    assert_send(client.users().list().send());
    assert_send(client.users().list().into_stream());
    assert_send(client.users().update(&u).send());
    assert_send(client.users().delete(&u).send());
    assert_send(client.rooms().create([NewParticipant::new(u.clone())]).send());
    assert_send(client.rooms().get(&r).send_with_response());
    assert_send(client.rooms().list().into_stream());
    assert_send(client.rooms().disable(&r).send());
    assert_send(client.rooms().delete(&r).send());
    assert_send(client.credentials().issue(&u).send());
    assert_send(client.request(http::Method::GET, &["x"]).bytes().send());
    assert_send(client.sessions().list().into_stream());
    assert_send(client.v1().chats().messages(&[u.clone(), u.clone()]).into_stream());
    assert_send(client.company().update().send());
    assert_send(client.request(http::Method::GET, &["x"]).download().send());
}

#[test]
fn public_types_are_small() {
    assert_eq!(size_of::<Client>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    assert_eq!(size_of::<Users>(), size_of::<usize>());
    assert_eq!(size_of::<RoomId>(), 2 * size_of::<usize>());
    // Callers may hold pages of a thousand rooms.
    assert!(size_of::<Room>() <= 384, "{}", size_of::<Room>());
    assert!(size_of::<Request<Room>>() <= 400, "{}", size_of::<Request<Room>>());
}

/// Requests, lists and streams own what they need.
#[tokio::test]
async fn requests_and_streams_can_be_spawned_stored_and_returned() {
    fn request(client: &Client) -> Request<User> {
        client.users().get(&user("d"))
    }
    fn stream(client: &Client) -> Items<Room> {
        client.rooms().list().into_stream()
    }
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    let created = tokio::spawn(client.users().create(Role::Plus).id(user("d")).into_future());
    assert_eq!(created.await.unwrap().unwrap().id, user("d"));
    assert_eq!(tokio::spawn(request(&client).into_future()).await.unwrap().unwrap().role, Some(Role::Plus));
    client.users().ensure(&user("p"), Role::Basic).await.unwrap();
    client.rooms().create([user("d"), user("p")]).await.unwrap();
    let mut rooms = stream(&client);
    let first = tokio::spawn(async move { rooms.next().await }).await.unwrap();
    assert!(first.unwrap().is_ok());
    assert_eq!(stream(&client).try_collect().await.unwrap().len(), 1);
}
