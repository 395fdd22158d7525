//! The command line: one file for each command.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

mod check_config;
mod config_schema;
pub mod demo;
mod serve;
mod signals;

/// The system's code for a configuration that cannot be used (`EX_CONFIG`).
const EXIT_CONFIG: u8 = 78;
/// Any other reason not to start.
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
    /// Serve; the default command
    Serve,
    /// Try everything out on this machine: vendor emulator, temporary store and server
    Demo(DemoArgs),
    /// Check the settings without starting anything; exits with 0 if they are valid and with 78 if not
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
        Err(error) => return fail(&format!("cannot start the runtime: {error}"), EXIT_FAILURE),
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run().await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::CheckConfig => check_config::run(),
            Command::ConfigSchema => config_schema::run(),
        }
    });
    // A blocked thread of a library must not keep the process alive.
    runtime.shutdown_background();
    code
}

#[expect(clippy::print_stdout, reason = "this is the output of a command")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "logging is not set up yet, or is for machines")]
fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("teleconsult-server: {message}");
    ExitCode::from(code)
}
