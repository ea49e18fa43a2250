//! The one integration binary: a module per concern.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod support;
