//! A first program: a doctor, a patient, and a room with a personal link for each. Runs against the emulator:
//!
//! ```text
//! cargo run --example first_room
//! ```
//!
//! To run it against the vendor, replace the first two lines of `main` with `let client = Client::from_env()?;`.

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use bandyer_client::UserId;
use bandyer_client::emulator::Emulator;
use bandyer_client::rooms::NewParticipant;
use bandyer_client::users::Role;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;

    // Creates the user, or returns the existing one, so that this program can run twice.
    let doctor = client.users().ensure(&UserId::new("doc-0007")?, Role::Plus).await?;
    let patient = client.users().ensure(&UserId::new("pat-0042")?, Role::Basic).await?;
    let participants = [NewParticipant::new(doctor.id).admin(true), NewParticipant::new(patient.id)];
    let room = client.rooms().create(participants).await?;

    for participant in room.participants {
        // Whoever has the link can join as this participant: send it to nobody else, and never log it.
        println!("{}: {}", participant.user_id, participant.join_url.ok_or("no link")?.expose());
    }
    Ok(())
}
