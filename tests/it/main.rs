//! The one integration binary: a module per concern.

mod bad_input;
mod conformance;
mod durability;
mod flow;
mod interop;
mod layering;
mod outside;
mod support;
