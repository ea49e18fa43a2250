//! Use cases of the admin API and the command-line tools.

pub mod asyncapi;
pub mod tenant;
