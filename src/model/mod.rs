//! The vocabulary of the gateway and its pure rules. No I/O, no async, no actix, no diesel.

pub mod account;
pub mod assignment;
pub mod call;
pub mod capability;
pub mod code;
pub mod content;
pub mod delivery;
pub mod dialogue;
pub mod envelope;
pub mod event;
pub mod hours;
pub mod id;
pub mod inbound;
pub mod jid;
pub mod label;
pub mod presence;
pub mod robot;
pub mod secret;
pub mod session;
pub mod source_list;
pub mod time;
pub mod window;
