//! The command line.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::Running;
use crate::base::error_chain;
use crate::config::{self, Config};
use crate::telemetry::logs::{self, Level};

pub mod demo;

/// The system's code for a configuration that cannot be used (`EX_CONFIG`).
const EXIT_CONFIG: u8 = 78;
/// Anything else that stops the start.
const EXIT_FAILURE: u8 = 1;

/// Teleconsultation backend on the Bandyer / Kaleyra Video API.
#[derive(Debug, Parser)]
#[command(
    name = "teleconsult-server",
    version,
    after_help = "Settings come from environment variables; the README lists them."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; what happens without a command too
    Serve,
    /// Try everything out on this machine: vendor emulator, temporary store and server
    Demo(DemoArgs),
    /// Check the settings without starting anything; ends with 0 when they are good and 78 when not
    CheckConfig,
    /// Print the JSON Schema of the configuration file
    ConfigSchema,
}

/// Where the demo listens.
#[derive(Debug, Clone, Copy, Args)]
pub struct DemoArgs {
    /// Port of the server; a free one unless set
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Port of the vendor emulator; a free one unless set
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub emulator_port: u16,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_error) => help_or_error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the runtime cannot be started: {error}"), EXIT_FAILURE),
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve().await,
            Command::Demo(arguments) => run_demo(arguments).await,
            Command::CheckConfig => check_config(),
            Command::ConfigSchema => tell(&format!("{:#}", config::file_schema())),
        }
    });
    // A blocked thread of a library must not keep the process from ending.
    runtime.shutdown_background();
    code
}

async fn serve() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => {
            let lines: Vec<String> = problems.0.iter().map(|problem| format!("  {problem}")).collect();
            return complain(&format!("{problems}:\n{}", lines.join("\n")), EXIT_CONFIG);
        }
    };
    let _logging = logs::start(config.telemetry.log_level, std::io::stdout());
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let (mut signals, running) = match (Signals::new(), Running::start(&config).await) {
        (Ok(signals), Ok(running)) => (signals, running),
        (Err(error), _) => return complain(&format!("signals cannot be received: {error}"), EXIT_FAILURE),
        (_, Err(error)) => return complain(&error_chain::chain(&error), EXIT_FAILURE),
    };
    let shutdown = tokio::select! {
        shutdown = signals.next() => shutdown,
        job = running.job_failure() => {
            running.stop().await;
            return complain(&format!("the background job {job} panicked"), EXIT_FAILURE);
        }
    };
    if shutdown == Shutdown::Graceful {
        running.close_soon();
        let wait = config.http.wait_before_close;
        tracing::info!(
            waitSeconds = wait.as_secs_f64(),
            "SIGTERM received; still serving until balancers have noticed"
        );
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = signals.next() => return ExitCode::from(EXIT_FAILURE),
        }
    }
    tokio::select! {
        cut = running.stop() => {
            tracing::info!(cut, "Server closed");
            ExitCode::SUCCESS
        }
        _ = signals.next() => ExitCode::from(EXIT_FAILURE),
    }
}

async fn run_demo(arguments: DemoArgs) -> ExitCode {
    // Standard output is for the person who tries it; whatever goes wrong still shows.
    let _logging = logs::start(Level::parse("warn"), std::io::stderr());
    let (mut signals, demo) = match (Signals::new(), demo::Demo::start(arguments).await) {
        (Ok(signals), Ok(demo)) => (signals, demo),
        (Err(error), _) => return complain(&format!("signals cannot be received: {error}"), EXIT_FAILURE),
        (_, Err(error)) => return complain(&error_chain::chain(&*error), EXIT_FAILURE),
    };
    #[expect(clippy::print_stdout, reason = "the demo talks to a person")]
    {
        println!("{}", demo.introduction());
    }
    signals.next().await;
    demo.stop().await;
    ExitCode::SUCCESS
}

/// Values are not shown: a secret may stand in the wrong variable.
fn check_config() -> ExitCode {
    match Config::from_env() {
        Ok(config) => {
            let warnings = config.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>();
            tell(&format!("{warnings}The configuration is good."))
        }
        Err(problems) => {
            let shown = |problem: &config::Problem| format!("\n  {problem}\n    ({})", problem.source);
            let lines: String = problems.0.iter().map(shown).collect();
            complain(&format!("{problems}:\n{lines}"), EXIT_CONFIG)
        }
    }
}

#[expect(clippy::print_stdout, reason = "somebody asked for it")]
fn tell(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "logging is not set up yet, or is for machines")]
fn complain(message: &str, code: u8) -> ExitCode {
    eprintln!("teleconsult-server: {message}");
    ExitCode::from(code)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shutdown {
    /// SIGTERM, from an orchestrator whose balancers need time to notice.
    Graceful,
    /// SIGINT, from a person at a terminal.
    Immediate,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> Shutdown {
        tokio::select! {
            _ = self.terminate.recv() => Shutdown::Graceful,
            _ = self.interrupt.recv() => Shutdown::Immediate,
        }
    }
}
