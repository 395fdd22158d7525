//! A webhook receiver on axum: verifies the signature over the raw bytes of the body and parses the event.
//!
//! ```text
//! cargo run --example webhook_receiver_axum
//! ```
//!
//! It lets the emulator deliver one event, and exits.

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bandyer_client::emulator::Emulator;
use bandyer_client::events::{Event, Verifier};
use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
use tokio::net::TcpListener;

/// The vendor repeats a delivery until the response is 200, so unknown events are accepted too, and the same event may arrive
/// twice.
async fn receive(State(verifier): State<Arc<Verifier>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match verifier.receive(&headers, &body).map(|notification| notification.event) {
        Ok(Event::RoomDeleted(room)) => println!("room {} was deleted", room.room_id),
        Ok(other) => println!("{}", other.name()),
        Err(error) => return error.status(),
    }
    StatusCode::OK
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;

    let verifier = Arc::new(Verifier::new(emulator.api_key().clone())?);
    let app =
        Router::new().route("/hook", post(receive)).layer(DefaultBodyLimit::max(1024 * 1024)).with_state(verifier);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    client.webhooks().create(&url, &WebhookEvent::RoomDeleted, WebhookVersion::V1).await?;
    let room = emulator.plant_room("visit");
    client.rooms().delete(&room).await?;
    emulator.until_delivered("on_room_deleted", 1).await?;
    Ok(())
}
