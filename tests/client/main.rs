//! The client against mock servers, one behaviour per test, and against the emulator.

mod support;

mod compatibility;
mod coverage;
mod downloads;
mod emulator;
mod errors;
mod faults;
mod models;
mod openapi;
mod operations;
mod paging;
mod raw_requests;
mod redirects;
mod responses;
mod retries;
mod saved_files;
mod scenarios;
mod secrets;
mod timeouts;
mod tracing_output;
mod webhook_events;
mod webhooks;
mod wire;
