//! The client against mock servers, one behaviour a test, and against the emulator.

mod support;

mod compatibility;
mod emulator;
mod errors;
mod operations;
mod redirects;
mod retries;
mod secrets;
mod timeouts;
mod tracing_output;
mod wire;
