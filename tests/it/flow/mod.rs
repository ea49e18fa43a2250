//! Stories over real sockets: each test is one that a person could tell.

mod bus;
mod bus_orders;
mod desk;
mod episode;
pub mod isolation;
mod limits;
mod nodes;
mod oversight;
pub mod resume;
pub mod slow;
mod thread;
mod waiting;
pub mod wechat;
