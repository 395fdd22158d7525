//! The server over real sockets, against the vendor emulator and a real store, on both generations of the vendor.

mod support;

mod bad_input;
mod branding;
mod change;
mod check_config;
mod connections;
mod create;
mod credentials;
mod delete;
mod documentation;
mod error_bodies;
mod hostile;
mod idempotency;
mod identity_proxies;
mod inconsistencies;
mod instances;
mod kills;
mod matrix;
mod metrics;
mod outage;
mod participants;
mod platform;
mod process;
mod repair;
mod secrets;
mod settings;
mod shutdown;
mod status;
mod stores;
mod sweep;
mod transcription;
mod uploads;
mod vendor_faults;
mod view;
