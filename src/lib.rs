//! Yizhan (驿站): a WeChat-first, multi-tenant channel gateway for contact centres.
//!
//! The modules are floors of a house: a module imports only from modules listed before its own floor.
//! `docs/ARCHITECTURE.md` describes the house; `tests/it/layering.rs` keeps it standing.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("the feature `planted` puts bugs into the gateway on purpose: debug builds only");

// ground
pub mod clock;
pub mod model;
pub mod runtime;
// floor 1
pub mod config;
pub mod telemetry;
pub mod template;
// floor 2
pub mod bus;
pub mod hub;
pub mod media;
pub mod secret;
pub mod store;
// floor 3
pub mod channel;
pub mod flow;
pub mod robot;
pub mod tenant;
// floor 4
pub mod core;
// floor 5
pub mod admin;
pub mod socket;
// floor 6
pub mod simulator;
pub mod web;
// roof
pub mod app;
// roof
pub mod bench;
// roof
pub mod cli;
