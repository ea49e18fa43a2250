//! What every back end of a kind promises, checked on each of them.

mod ask;
mod bus;
mod bus_trouble;
mod duty;
mod hub;
mod store;
