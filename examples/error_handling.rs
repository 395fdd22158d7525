//! What an error tells: what it is, whether it may have happened all the same, and whether trying again makes sense. Runs
//! against the emulator:
//!
//! ```text
//! cargo run --example error_handling
//! ```

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

    // Nobody has made this user yet.
    explain(client.users().get(&doctor).send().await);

    // An id that the vendor would refuse is refused here, and nothing is sent.
    explain(client.users().create(Role::Plus).id(UserId::new("doc 0007")?).send().await);

    // A second user under the same id is a conflict, and not a mistake of the network.
    client.users().create(Role::Plus).id(doctor.clone()).send().await?;
    explain(client.users().create(Role::Basic).id(doctor.clone()).send().await);

    // The vendor asks for a minute, which is longer than this caller wants to wait.
    emulator.faults().add(Fault::on(Operation::GetUser).status(429).retry_after("60"));
    explain(client.users().get(&doctor).send().await);

    // The vendor is down; two tries are all that this caller grants it.
    emulator.faults().add(Fault::on(Operation::GetUser).always().status(503));
    let brief = RetryPolicy::standard().max_attempts(2).total_timeout(Duration::from_secs(3));
    explain(client.users().get(&doctor).retry(brief).send().await);
    Ok(())
}

fn explain<T>(result: Result<T, Error>) {
    let Err(error) = result else { return println!("it worked\n") };
    // The text tells one level; the sources tell the rest.
    println!("{error}");
    let mut source = error.source();
    while let Some(cause) = source {
        println!("  because: {cause}");
        source = cause.source();
    }
    let advice = match error.kind() {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => "mend the call",
        _ if error.is_unauthorized() => "look at the key and at the host",
        _ if error.is_not_found() => "it is not there",
        _ if error.is_conflict() => "choose another id, or read what is there",
        _ if error.is_rate_limited() => "come back when the vendor said",
        _ if error.is_retryable() => "try again later",
        _ => match error.outcome() {
            Outcome::Unknown => "look whether it happened before trying again",
            _ => "ask the vendor's support, with the request id",
        },
    };
    println!("  advice: {advice}; attempts: {}, retry after: {:?}\n", error.attempts(), error.retry_after());
}
