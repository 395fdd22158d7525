//! `serve`: runs the server until a signal arrives.

use std::process::ExitCode;

use super::signals::{Shutdown, Signals};
use super::{EXIT_CONFIG, EXIT_FAILURE, fail};
use crate::app::Running;
use crate::base::error_chain;
use crate::config::Config;
use crate::telemetry::logs;

pub(super) async fn run() -> ExitCode {
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
    let (mut signals, running) = match (Signals::new(), Running::start(&config).await) {
        (Ok(signals), Ok(running)) => (signals, running),
        (Err(error), _) => return fail(&format!("cannot receive signals: {error}"), EXIT_FAILURE),
        (_, Err(error)) => return fail(&error_chain::chain(&error), EXIT_FAILURE),
    };
    let shutdown = tokio::select! {
        shutdown = signals.next() => shutdown,
        _ = running.job_failure() => Shutdown::Immediate,
    };
    if shutdown == Shutdown::Graceful {
        running.close_soon();
        let wait = config.http.wait_before_close;
        tracing::info!(waitSeconds = wait.as_secs_f64(), "SIGTERM received; still serving until load balancers notice");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = running.job_failure() => {}
            _ = signals.next() => return ExitCode::from(EXIT_FAILURE),
        }
    }
    let stopped = tokio::select! {
        stopped = running.stop() => stopped,
        _ = signals.next() => return ExitCode::from(EXIT_FAILURE),
    };
    tracing::info!(cut = stopped.aborted, "Server closed");
    // A job may panic as late as in the drain.
    match stopped.failed_job {
        Some(job) => fail(&format!("the background job {job} panicked"), EXIT_FAILURE),
        None => ExitCode::SUCCESS,
    }
}
