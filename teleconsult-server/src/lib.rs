//! A teleconsultation backend on the Bandyer / Kaleyra Video API.
//!
//! Doctors (*plus* users) and patients (*basic* users) get a personal link to a vendor room at the right moment. The binary is
//! the product; this library is what it consists of, and what its tests start.
//!
//! A request passes [`server`] (connections and limits), [`http`] (reading, dispatching, responding) and [`api`] (routes and
//! handlers) to [`use_cases`], which read the record, let [`domain`] decide (pure rules), and carry the decision out: [`people`]
//! knows the vendor's users, [`rooms`] the rooms, [`store`] what is remembered, [`vendor`] and [`platform`] the neighbours.
//! [`jobs`] run in the background. [`app`] composes all of it.
//!
//! Dependencies run in one direction; `tests/layers.rs` lists the layers and checks them.

#![expect(missing_debug_implementations, reason = "services hold connections and people; only values are shown")]

pub mod api;
pub mod app;
pub mod auth;
pub mod base;
pub mod branding;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod people;
pub mod platform;
pub mod rooms;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod use_cases;
pub mod vendor;
