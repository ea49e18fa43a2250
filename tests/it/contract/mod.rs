//! What every back end of a kind has to do, on each of them.

mod store;
