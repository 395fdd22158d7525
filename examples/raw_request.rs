//! An operation that the crate has no method for, with the same key, retries, limits and errors. Runs against the emulator:
//!
//! ```text
//! cargo run --example raw_request
//! ```

use bandyer_client::emulator::Emulator;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;

    // Segments are escaped one by one, so an id cannot leave its place.
    let made: Value = client
        .request(Method::POST, &["users"])
        .json(&json!({"id": "doc-0007", "role": "plus"}))
        // A POST is not repeated unless its author says that it may be: this one names its own id.
        .idempotent(true)
        .decode()
        .send()
        .await?;
    println!("made {}", made["id"]);

    let answer = client
        .request(Method::GET, &["users"])
        .query("limit", "5")
        .header(HeaderName::from_static("x-trace"), HeaderValue::from_static("4711"))
        .decode::<Value>()
        .send_with_response()
        .await?;
    println!("{} after {} attempt(s): {} user(s)", answer.status(), answer.attempts(), answer.body()["count"]);
    Ok(())
}
