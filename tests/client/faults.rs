//! The client against faults of the emulator: no duplicates, and no API key sent to other hosts.

use std::time::Duration;

use bandyer_client::emulator::{Action, Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, RecordingMode};
use bandyer_client::users::Role;
use bandyer_client::{Client, Error, ErrorKind, Outcome, RetryPolicy};

use crate::support::{no_backoff, user};

async fn with_users() -> (Emulator, Client) {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder(emulator.api_key().clone())
        .base_url(emulator.url())
        .attempt_timeout(Duration::from_millis(300))
        .retry(no_backoff())
        .build()
        .unwrap();
    client.users().create(Role::Plus).id(user("d")).send().await.unwrap();
    client.users().create(Role::Basic).id(user("p")).send().await.unwrap();
    (emulator, client)
}

async fn create_room(client: &Client) -> Result<(), Error> {
    client.rooms().create(["d", "p"].map(|id| NewParticipant::new(user(id)))).send().await.map(drop)
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (emulator, client) = with_users().await;
    let other = Emulator::builder().api_key(emulator.api_key().clone()).start().await.unwrap();
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/v2/users/d", other.url());
        emulator.faults().add(Fault::on(Operation::GetUser).action(Action::Redirect(status, to)));
        let error = client.users().get(&user("d")).send().await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Api, status));
    }
    // It accepts the same key, so it would have recorded the call.
    assert!(other.calls().is_empty());
}

#[tokio::test]
async fn a_room_creation_that_times_out_is_not_retried() {
    let (emulator, client) = with_users().await;
    emulator.faults().add(Fault::on(Operation::CreateRoom).stall());
    let error = create_room(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.is_retryable()), (ErrorKind::Timeout, Outcome::Unknown, false));
    assert_eq!((emulator.calls_of(Operation::CreateRoom), emulator.rooms().len()), (1, 1));
}

#[tokio::test]
async fn a_user_creation_with_an_id_is_retried_without_a_duplicate() {
    let (emulator, client) = with_users().await;
    emulator.faults().add(Fault::on(Operation::CreateUser).stall());
    let made = client.users().create(Role::Basic).id(user("q")).send().await.unwrap();
    assert_eq!((made.id.as_str(), made.role), ("q", Some(Role::Basic)));
    assert_eq!(emulator.calls_of(Operation::CreateUser), 2 + 2);
    assert_eq!(emulator.users().iter().filter(|user| user.id == "q").count(), 1);
}

#[tokio::test]
async fn retry_after_is_parsed_in_both_formats_and_limited() {
    let (emulator, client) = with_users().await;
    for when in ["0", "Thu, 05 Mar 2020 08:00:00 GMT"] {
        emulator.faults().add(Fault::on(Operation::CreateRoom).status(429).retry_after(when));
        create_room(&client).await.unwrap();
    }
    assert_eq!(emulator.calls_of(Operation::CreateRoom), 4);
    for when in ["3600", "Thu, 05 Mar 2099 08:00:00 GMT"] {
        emulator.faults().add(Fault::on(Operation::GetUser).status(503).retry_after(when));
        let error = client.users().get(&user("d")).send().await.unwrap_err();
        assert_eq!(error.attempts(), 1);
        assert!(error.retry_after().unwrap() >= Duration::from_secs(3599));
        assert!(error.to_string().ends_with("the vendor asked to wait for longer than there is time"), "{error}");
    }
}

#[tokio::test]
async fn an_unreadable_response_has_an_unknown_outcome() {
    for (action, kind) in [
        (Action::Truncate, ErrorKind::Interrupted),
        (Action::Garbage, ErrorKind::Decode),
        (Action::HugeBody(9 << 20), ErrorKind::Decode),
        (Action::SlowBody(Duration::from_secs(60)), ErrorKind::Timeout),
    ] {
        let (emulator, client) = with_users().await;
        emulator.faults().add(Fault::on(Operation::CreateRoom).action(action.clone()));
        let error = create_room(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::Unknown), "{action:?}");
        assert_eq!((emulator.calls_of(Operation::CreateRoom), emulator.rooms().len()), (1, 1), "{action:?}");
    }
    let (emulator, client) = with_users().await;
    emulator.faults().add(Fault::on(Operation::GetUser).always().action(Action::Html502));
    let request = client.users().get(&user("d")).retry(RetryPolicy::none());
    let error = request.send().await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16(), error.code()), (ErrorKind::Api, 502, None));
}

#[tokio::test]
async fn the_outcome_accounts_for_earlier_attempts() {
    let (emulator, client) = with_users().await;
    emulator.faults().add(Fault::on(Operation::DeleteUser).reset_after());
    let error = client.users().delete(&user("p")).send().await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!((error.outcome(), error.attempts()), (Outcome::Unknown, 2));
    assert_eq!(emulator.users().len(), 1);
}

#[tokio::test]
async fn a_different_existing_user_is_a_conflict() {
    let (emulator, client) = with_users().await;
    // The first attempt created nothing, and the existing user has another role.
    emulator.faults().add(Fault::on(Operation::CreateUser).status(503));
    let error = client.users().create(Role::Plus).id(user("p")).send().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    emulator.faults().add(Fault::on(Operation::CreateUser).status(503));
    assert_eq!(client.users().create(Role::Basic).id(user("p")).send().await.unwrap().id, "p");
}

#[tokio::test]
async fn starting_and_stopping_a_recording_is_not_retried() {
    let (emulator, client) = with_users().await;
    let people = ["d", "p"].map(|id| NewParticipant::new(user(id)));
    let room = client.rooms().create(people).recording(RecordingMode::Manual).send().await.unwrap().id;
    for operation in [Operation::StartRecording, Operation::StopRecording] {
        emulator.faults().add(Fault::on(operation).reset_after());
        let starts = operation == Operation::StartRecording;
        let request = if starts { client.rooms().start_recording(&room) } else { client.rooms().stop_recording(&room) };
        assert_eq!(request.send().await.unwrap_err().outcome(), Outcome::Unknown);
        assert_eq!(emulator.calls_of(operation), 1);
    }
}

#[tokio::test]
async fn a_stalled_call_is_recorded_and_can_be_awaited() {
    let (emulator, client) = with_users().await;
    emulator.faults().add(Fault::on(Operation::GetCompany).stall());
    let request = client.company().get().retry(RetryPolicy::none());
    assert_eq!(request.send().await.unwrap_err().kind(), ErrorKind::Timeout);
    emulator.until_called(Operation::GetCompany, 1).await.unwrap();
    assert_eq!(emulator.calls().last().unwrap().status, None);
}
