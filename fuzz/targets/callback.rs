#![no_main]
//! WeChat deliveries: unsigned ones as they come, and signed ones with any payload.

use libfuzzer_sys::fuzz_target;
use yizhan;

#[path = "../exercise/callback.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::run(data));
