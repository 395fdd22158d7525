//! The emulator alone, for programs that are not in Rust.

use std::net::SocketAddr;
use std::process::ExitCode;

use bandyer_client::emulator::Emulator;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A stateful emulator of the Bandyer / Kaleyra Video REST API.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// The API key that is valid
    #[arg(long, default_value = Emulator::DEFAULT_KEY)]
    api_key: String,
    /// Listen beyond this machine: the control routes and links are open to whoever can connect
    #[arg(long)]
    allow_remote: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.listen.ip().is_loopback() && !arguments.allow_remote {
        return complain("listening beyond loopback needs --allow-remote");
    }
    let started = Emulator::builder().listen(arguments.listen).api_key(arguments.api_key).start().await;
    let emulator = match started {
        Ok(emulator) => emulator,
        Err(error) => return complain(&format!("{} cannot be listened on: {error}", arguments.listen)),
    };
    #[expect(clippy::print_stdout, reason = "scripts wait for this line")]
    {
        println!("bandyer-emulator listening on {} (v1 /rest, v2 /v2)", emulator.url());
    }
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return complain("signals cannot be received");
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    emulator.stop().await;
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "it is a command-line program")]
fn complain(message: &str) -> ExitCode {
    eprintln!("bandyer-emulator: {message}");
    ExitCode::FAILURE
}
