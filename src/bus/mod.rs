//! Module events and commands.
