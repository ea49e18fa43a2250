//! The administrator's API over real HTTP, as programs and the console use it.

mod access;
mod call;
mod client;
mod entry;
mod flow;
mod question;
mod table;

use client::{Answer, Client, KEY, app};
