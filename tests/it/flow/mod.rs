//! Stories over real sockets: each test is one that a person could tell.

mod desk;
mod resume;
mod thread;
