//! `check-config`: checks the settings without starting anything.

use std::process::ExitCode;

use super::{EXIT_CONFIG, fail, print};
use crate::config::{Config, Problem};

/// Values are not shown, because a secret may stand in the wrong variable.
pub(super) fn run() -> ExitCode {
    match Config::from_env() {
        Ok(config) => {
            let warnings: String = config.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
            print(&format!("{warnings}The configuration is good."));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            let line = |problem: &Problem| format!("\n  {problem}\n    ({})", problem.source);
            let lines: String = problems.0.iter().map(line).collect();
            fail(&format!("{problems}:\n{lines}"), EXIT_CONFIG)
        }
    }
}
