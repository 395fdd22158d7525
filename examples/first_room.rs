//! A first program: creates a doctor, a patient and a room with a personal link for each. Runs against the emulator:
//!
//! ```text
//! cargo run --example first_room
//! ```
//!
//! To run it against the vendor, replace the first two lines of `main` with `Client::from_env()`.

use bandyer_client::UserId;
use bandyer_client::emulator::Emulator;
use bandyer_client::rooms::NewParticipant;
use bandyer_client::users::Role;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;

    let doctor = client.users().create(Role::Plus).id(UserId::new("doc-0007")?).send().await?;
    let patient = client.users().create(Role::Basic).id(UserId::new("pat-0042")?).send().await?;
    let participants = [NewParticipant::new(doctor.id).admin(true), NewParticipant::new(patient.id)];
    let room = client.rooms().create(participants).send().await?;

    println!("room {} is ready for:", room.id);
    for participant in &room.participants {
        // Anyone with the link can join as this participant, so it must not be printed.
        let has_link = if participant.join_url.is_some() { "has a link" } else { "has no link" };
        println!("  {} {has_link}", participant.user_id);
    }
    Ok(())
}
