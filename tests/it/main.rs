//! The one integration binary: a module per concern.

#[cfg(test)]
mod flow;
mod layering;
mod support;
