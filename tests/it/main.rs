//! The one integration binary: a module per concern.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod flow;
mod layering;
#[cfg(test)]
mod outside;
mod support;
