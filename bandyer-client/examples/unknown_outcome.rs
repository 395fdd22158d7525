//! Handling of a room creation with an unknown outcome. Runs against the emulator:
//!
//! ```text
//! cargo run --example unknown_outcome
//! ```

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use bandyer_client::emulator::{Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, Room};
use bandyer_client::users::Role;
use bandyer_client::{Client, Outcome, UserId};

type AnyError = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;
    for (id, role) in [("doc-0007", Role::Plus), ("pat-0042", Role::Basic)] {
        client.users().create(role).id(UserId::new(id)?).send().await?;
    }

    // The vendor creates the room, and the response is lost.
    emulator.faults().add(Fault::on(Operation::CreateRoom).reset_after());
    let room = create_once(&client, "order-4711").await?;
    println!("room {} was created once: the vendor has {} room(s)", room.id, emulator.rooms().len());
    Ok(())
}

/// Creates a room with a marker. If the response is lost, the room is found by the marker instead of created again.
async fn create_once(client: &Client, marker: &str) -> Result<Room, AnyError> {
    let participants =
        [NewParticipant::new(UserId::new("doc-0007")?).admin(true), NewParticipant::new(UserId::new("pat-0042")?)];
    let error = match client.rooms().create(participants).description(marker).send().await {
        Ok(room) => return Ok(room),
        Err(error) => error,
    };
    println!("{error}");
    if error.outcome() != Outcome::Unknown {
        return Err(error.into());
    }
    let mut rooms = client.rooms().list().into_stream();
    while let Some(room) = rooms.next().await {
        let room = room?;
        if room.description.is_some_and(|description| description.as_str() == marker) {
            return Ok(client.rooms().get(&room.id).send().await?);
        }
    }
    Err(error.into())
}
