//! A request for an operation without a method in the crate, with the same API key, retries, limits and errors. Runs against
//! the emulator:
//!
//! ```text
//! cargo run --example raw_request
//! ```

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use bandyer_client::emulator::Emulator;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;

    // Path segments are escaped one by one, so an id cannot change the path.
    let created: Value = client
        .request(Method::POST, &["users"])
        .json(&json!({"id": "doc-0007", "role": "plus"}))
        // A POST is retried only if it is marked as idempotent. This one is, because it contains the id of the user.
        .idempotent(true)
        .decode()
        .send()
        .await?;
    println!("created {}", created["id"]);

    let response = client
        .request(Method::GET, &["users"])
        .query("limit", "5")
        .header(HeaderName::from_static("x-trace"), HeaderValue::from_static("4711"))
        .decode::<Value>()
        .send_with_response()
        .await?;
    println!("{} after {} attempt(s): {} user(s)", response.status(), response.attempts(), response.body()["count"]);
    Ok(())
}
