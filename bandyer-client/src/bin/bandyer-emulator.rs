//! The emulator as a server, for programs in other languages.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bandyer_client::emulator::Emulator;
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// A stateful emulator of the Bandyer / Kaleyra Video REST API.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// API key that clients must send
    #[arg(long, env = "BANDYER_API_SECRET_KEY", hide_env_values = true, default_value = Emulator::DEFAULT_KEY)]
    api_key: String,
    /// Attempts per webhook; the second follows after a second, and the delay doubles before each further attempt
    #[arg(long, default_value_t = 5)]
    webhook_attempts: u32,
    /// Respond with 429 to requests beyond this number per minute
    #[arg(long)]
    rate_limit: Option<u32>,
    /// What to log to standard error: off, warn, info (one line per request), or a tracing-subscriber filter
    #[arg(long, default_value = "info")]
    log: EnvFilter,
    /// Log as JSON, one object per line
    #[arg(long)]
    log_json: bool,
    /// Allow addresses other than loopback; anyone who can connect can use the control routes and links
    #[arg(long)]
    allow_remote: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.listen.ip().is_loopback() && !arguments.allow_remote {
        return fail("listening on other addresses than loopback requires --allow-remote");
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(arguments.log)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr);
    if arguments.log_json {
        log.json().init();
    } else {
        log.init();
    }
    let builder = Emulator::builder()
        .listen(arguments.listen)
        .api_key(arguments.api_key)
        .webhook_retries(arguments.webhook_attempts, Duration::from_secs(1));
    let builder = match arguments.rate_limit {
        Some(requests) => builder.rate_limit(requests, Duration::from_secs(60)),
        None => builder,
    };
    let started = builder.start().await;
    let emulator = match started {
        Ok(emulator) => emulator,
        Err(error) => return fail(&format!("cannot listen on {}: {error}", arguments.listen)),
    };
    #[expect(clippy::print_stdout, reason = "scripts wait for this line")]
    {
        println!("bandyer-emulator listening on {} (v1 /rest, v2 /v2)", emulator.url());
    }
    let stopped = until_stopped().await;
    emulator.stop().await;
    match stopped {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot wait for signals: {error}")),
    }
}

/// Waits for SIGTERM or SIGINT.
#[cfg(unix)]
async fn until_stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn until_stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[expect(clippy::print_stderr, reason = "it is a command-line program")]
fn fail(message: &str) -> ExitCode {
    eprintln!("bandyer-emulator: {message}");
    ExitCode::FAILURE
}
