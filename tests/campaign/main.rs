//! x
fn main() { let x = 5; println!("{}", env!("CARGO_BIN_EXE_yizhan")); }
