//! The one integration binary: a module per concern.

#[cfg(test)]
mod layering;
