//! `serve`: runs the server until a signal arrives.

use std::process::ExitCode;

use super::signals::{Shutdown, Signals};
use super::{EXIT_CONFIG, EXIT_FAILURE, fail};
use crate::app::{Running, Stopped};
use crate::base::clock::Clock;
use crate::base::error_chain;
use crate::config::Config;
use crate::telemetry::logs;

pub(super) async fn run() -> ExitCode {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot receive signals: {error}"), EXIT_FAILURE),
    };
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => {
            let lines: Vec<String> = problems.0.iter().map(|problem| format!("  {problem}")).collect();
            return fail(&format!("{problems}:\n{}", lines.join("\n")), EXIT_CONFIG);
        }
    };
    let _logging = logs::start(config.telemetry.log_level, std::io::stdout());
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let started = tokio::select! {
        started = Running::start(&config, Clock::system()) => started,
        _ = signals.next() => {
            tracing::info!("a signal was received during the start; the process ends");
            return ExitCode::SUCCESS;
        }
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => return fail(&error_chain::chain(&error), EXIT_FAILURE),
    };
    let shutdown = tokio::select! {
        shutdown = signals.next() => Some(shutdown),
        _ = running.job_failure() => None,
    };
    match shutdown {
        Some(Shutdown::Graceful) => {
            running.close_soon();
            let wait = config.http.wait_before_close;
            let wait_seconds = wait.as_secs_f64();
            tracing::info!(waitSeconds = wait_seconds, "SIGTERM received; still serving until load balancers notice");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = running.job_failure() => {}
                _ = signals.next() => return end_immediately(),
            }
        }
        Some(Shutdown::Immediate) => tracing::info!("SIGINT received; running requests finish"),
        None => {}
    }
    let stopped = tokio::select! {
        stopped = running.stop() => stopped,
        _ = signals.next() => return end_immediately(),
    };
    let Stopped { cut_connections, unfinished_changes, failed_job } = stopped;
    tracing::info!(cutConnections = cut_connections, unfinishedChanges = unfinished_changes, "Server closed");
    // A job may panic as late as in the drain.
    match failed_job {
        Some(job) => fail(&format!("the background job {job} panicked"), EXIT_FAILURE),
        None => ExitCode::SUCCESS,
    }
}

fn end_immediately() -> ExitCode {
    tracing::warn!("a second signal was received; the process ends without finishing running requests");
    ExitCode::from(EXIT_FAILURE)
}
