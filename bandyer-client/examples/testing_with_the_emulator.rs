//! A test of code that uses the client: simulates a call on the emulator and injects a fault.
//!
//! ```text
//! cargo run --example testing_with_the_emulator
//! ```

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::time::Duration;

use bandyer_client::emulator::{Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, RecordingMode, RoomStatus};
use bandyer_client::users::Role;
use bandyer_client::{Client, RoomId, UserId};

type AnyError = Box<dyn std::error::Error>;

/// The code under test: the length of the last call in a room, in minutes.
async fn minutes_of_last_call(client: &Client, room: &RoomId) -> Result<u64, bandyer_client::Error> {
    let sessions = client.sessions().list().room(room).page_size(1).send().await?;
    let duration = sessions.items.first().and_then(|session| session.duration);
    Ok(duration.unwrap_or_default().as_secs() / 60)
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;
    let (doctor, patient) = (UserId::new("doc-0007")?, UserId::new("pat-0042")?);
    client.users().create(Role::Plus).id(doctor.clone()).send().await?;
    client.users().create(Role::Basic).id(patient.clone()).send().await?;
    let people = [NewParticipant::new(doctor.clone()).admin(true), NewParticipant::new(patient.clone())];
    let limit = Duration::from_secs(30 * 60);
    let room = client.rooms().create(people).recording(RecordingMode::Automatic).max_duration(limit).send().await?.id;

    // Both join, and the call time is used up on the simulated clock.
    emulator.join(&room, &doctor)?;
    emulator.join(&room, &patient)?;
    emulator.advance(Duration::from_secs(31 * 60));
    assert_eq!(client.rooms().get(&room).send().await?.status, Some(RoomStatus::Closed));

    // The emulator responds with 503 once; the client retries, and the code under test does not notice.
    emulator.faults().add(Fault::on(Operation::ListSessions).status(503));
    assert_eq!(minutes_of_last_call(&client, &room).await?, 30);
    assert_eq!(emulator.calls_of(Operation::ListSessions), 2);
    println!("the call took 30 simulated minutes");
    Ok(())
}
