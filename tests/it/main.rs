//! The one integration binary: a module per concern.

#[cfg(test)]
mod bad_input;
mod layering;
#[cfg(test)]
mod outside;
mod support;
