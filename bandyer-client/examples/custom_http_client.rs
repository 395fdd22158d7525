//! A custom HTTP client, for a proxy, a private certificate authority or other timeouts. Runs against the emulator:
//!
//! ```text
//! cargo run --example custom_http_client
//! ```

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::time::Duration;

use bandyer_client::emulator::Emulator;
use bandyer_client::{ApiVersion, Client, RetryPolicy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;

    let http = reqwest::Client::builder()
        // For example: .proxy(reqwest::Proxy::https("http://proxy.example:3128")?)
        .pool_max_idle_per_host(4);

    let client = Client::builder(emulator.api_key().clone())
        .base_url(emulator.url())
        .api_version(ApiVersion::V2)
        .http_client(http)
        // These settings also apply with a custom HTTP client. Redirects stay off: reqwest would forward the header with the
        // API key to the target of one.
        .connect_timeout(Duration::from_secs(2))
        .attempt_timeout(Duration::from_secs(5))
        .retry(RetryPolicy::standard().max_attempts(2))
        .user_agent_suffix("acme-portal/1.2")
        .build()?;

    let company = client.company().get().send().await?;
    println!("the key belongs to {}", company.name.as_deref().unwrap_or("a company without a name"));
    Ok(())
}
