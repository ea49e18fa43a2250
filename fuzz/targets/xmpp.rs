#![no_main]
//! A component's stream as a server may send it, and texts on their way out.

use libfuzzer_sys::fuzz_target;
use yizhan;

#[path = "../exercise/xmpp.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::run(data));
