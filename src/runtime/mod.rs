//! Life cycle of long-running parts: supervisor, stop tokens, backoff, signals. Knows nothing of what the parts do.

pub mod backoff;
#[cfg(test)]
pub(crate) mod seen;
pub mod signals;
pub mod supervisor;

pub use backoff::Backoff;
pub use supervisor::{Stage, Supervisor};

/// Tells a part to finish: cancelled once, never taken back. Children are cancelled with their parent.
pub use tokio_util::sync::CancellationToken as Stop;
