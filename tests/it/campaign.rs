//! The checker of the fault campaign (`tests/campaign`), held to its own rules: for each check a history that is in order
//! and one that is not.

#[path = "../campaign/check/mod.rs"]
mod check;
#[path = "../campaign/history/mod.rs"]
mod history;
