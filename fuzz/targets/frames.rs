#![no_main]
//! What clients send over sockets: bytes, frames, requests.

use libfuzzer_sys::fuzz_target;
use yizhan;

#[path = "../exercise/frames.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::run(data));
