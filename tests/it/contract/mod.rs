//! What every back end of a kind promises, checked on each of them.

mod hub;
mod store;
