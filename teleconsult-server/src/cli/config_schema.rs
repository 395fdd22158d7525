//! `config-schema`: prints the JSON Schema of the configuration file.

use std::process::ExitCode;

use super::print;
use crate::config;

pub(super) fn run() -> ExitCode {
    print(&format!("{:#}", config::file_schema()));
    ExitCode::SUCCESS
}
