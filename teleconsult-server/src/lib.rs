//! A teleconsultation backend on the Bandyer / Kaleyra Video API.
//!
//! Doctors (*plus* users) and patients (*basic* users) get a personal link to a vendor room at the right moment. The
//! binary is the product; this library is what it is made of, and what its tests start.
//!
//! A request travels through [`server`] (connections and limits), [`http`] (routing, reading, answering), [`handlers`]
//! (input, use case, output), [`appointments`] (the use cases) and [`domain`] (the rules, pure). [`directory`] knows the
//! vendor's users, [`room_keeper`] the rooms, [`store`] what is remembered, and [`vendor`] the calls that are made.

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
