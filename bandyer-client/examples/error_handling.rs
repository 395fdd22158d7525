//! Error handling: the kind of an error, whether the request may have been executed, and whether a retry makes sense. Runs
//! against the emulator:
//!
//! ```text
//! cargo run --example error_handling
//! ```

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::error::Error as _;
use std::time::Duration;

use bandyer_client::emulator::{Emulator, Fault, Operation};
use bandyer_client::users::Role;
use bandyer_client::{Error, ErrorKind, Outcome, RetryPolicy, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let client = emulator.client()?;
    let doctor = UserId::new("doc-0007")?;

    // This user does not exist yet.
    explain(client.users().get(&doctor).send().await);

    // The client rejects an id that the vendor would reject, and sends nothing.
    explain(client.users().create(Role::Plus).id(UserId::new("doc 0007")?).send().await);

    // Creating a second user with the same id is a conflict.
    client.users().create(Role::Plus).id(doctor.clone()).send().await?;
    explain(client.users().create(Role::Basic).id(doctor.clone()).send().await);

    // The vendor requests a delay of a minute, which exceeds the total timeout of this client.
    emulator.faults().add(Fault::on(Operation::GetUser).status(429).retry_after("60"));
    explain(client.users().get(&doctor).send().await);

    // The vendor is down; this request has a policy of two attempts.
    emulator.faults().add(Fault::on(Operation::GetUser).always().status(503));
    let policy = RetryPolicy::standard().max_attempts(2).total_timeout(Duration::from_secs(3));
    explain(client.users().get(&doctor).retry(policy).send().await);
    Ok(())
}

fn explain<T>(result: Result<T, Error>) {
    let Err(error) = result else { return println!("success\n") };
    // `Display` shows one level of the error chain; the sources contain the rest.
    println!("{error}");
    let mut source = error.source();
    while let Some(cause) = source {
        println!("  caused by: {cause}");
        source = cause.source();
    }
    let advice = match error.kind() {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => "fix the request",
        _ if error.is_unauthorized() => "check the API key and the base URL",
        _ if error.is_not_found() => "the object does not exist",
        _ if error.is_conflict() => "choose another id, or read the existing object",
        _ if error.is_rate_limited() => "retry after the requested delay",
        _ if error.is_retryable() => "retry later",
        _ => match error.outcome() {
            Outcome::Unknown => "check whether the request was executed before retrying",
            _ => "contact the vendor's support with the request id",
        },
    };
    println!("  advice: {advice}; attempts: {}, retry after: {:?}\n", error.attempts(), error.retry_after());
}
