//! Secrets at rest: sealing, keys and their rotation, password hashes. Knows neither tables nor tenants by name.

mod key;
pub mod password;
mod seal;

pub use key::{Key, Keyring, open, prepare};
pub use seal::Place;

/// Why a secret could not be sealed, opened or prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place that holds a key could not be read.
    #[error("the master key {0}")]
    Source(String),
    /// A key must be 32 bytes in base64.
    #[error("the master key is not 32 bytes in base64")]
    Key,
    /// A key file could not be written.
    #[error("cannot write the key file {path}")]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text does not have the sealed form.
    #[error("is not a sealed text")]
    Form,
    /// The text was sealed under a key that is not on the ring.
    #[error("is sealed under the key {0}, which is not configured")]
    UnknownKey(String),
    /// The text was changed, or belongs to another place.
    #[error("does not open: it was changed or stands in the wrong place")]
    Broken,
}
