//! Sealing of secrets at rest, and key rotation.
