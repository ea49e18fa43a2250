#![no_main]
//! Ciphertexts of WeChat deliveries.

use libfuzzer_sys::fuzz_target;
use yizhan;

#[path = "../exercise/decrypt.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::run(data));
