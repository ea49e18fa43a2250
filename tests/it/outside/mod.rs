//! What reaches the gateway from outside without any of its own code: bytes of HTTP, callbacks as the platform signs
//! them, and the tables as another program reads them.

pub mod callback;
pub mod database;
pub mod http;
pub mod process;
pub mod trace;
