//! How code that uses the client is tested: a call is simulated from its room to its recording, and a fault is planted where
//! it hurts. Runs against the emulator, as all tests can:
//!
//! ```text
//! cargo run --example testing_with_the_emulator
//! ```

use std::time::Duration;

use bandyer_client::emulator::{Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, Recording, RoomStatus};
use bandyer_client::users::Role;
use bandyer_client::{Client, RoomId, UserId};

type AnyError = Box<dyn std::error::Error>;

/// The code under test: minutes of the last call in a room.
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
    let room = client.rooms().create(people).recording(Recording::Automatic).max_duration(limit).send().await?.id;

    // Both come, and the call time runs out while they talk. No test has to wait for half an hour.
    emulator.join(&room, &doctor)?;
    emulator.join(&room, &patient)?;
    emulator.advance(Duration::from_secs(31 * 60));
    assert_eq!(client.rooms().get(&room).send().await?.status, Some(RoomStatus::Closed));

    // The vendor answers 503 once; the client asks again, and the code under test never knows.
    emulator.faults().add(Fault::on(Operation::ListSessions).status(503));
    assert_eq!(minutes_of_last_call(&client, &room).await?, 30);
    assert_eq!(emulator.calls_of(Operation::ListSessions), 2);
    println!("a call of 30 minutes, in no time");
    Ok(())
}
