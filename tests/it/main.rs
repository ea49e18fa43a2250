//! The one integration binary: a module per concern.
#![expect(unreachable_pub, reason = "a test binary has no public face")]
#![expect(clippy::needless_pass_by_value, reason = "what a story hands over is gone, as in life")]

#[cfg(test)]
mod api;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod call;
#[cfg(test)]
mod campaign;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod experiment;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod robot;
#[cfg(test)]
mod support;
#[cfg(test)]
mod xmpp;
