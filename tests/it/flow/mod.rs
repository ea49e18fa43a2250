//! Stories over real sockets: each test is one that a person could tell.

mod bus;
mod desk;
mod episode;
mod isolation;
mod limits;
mod nodes;
mod oversight;
mod resume;
mod slow;
mod thread;
mod waiting;
mod wechat;
