//! Password hashes: Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice of parameters).
//!
//! One call takes tens of milliseconds of processor time and 19 MiB: run it on the blocking pool and bound how many
//! run at once.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::model::secret::Secret;

/// Longest accepted password, bytes.
pub const MAX_BYTES: usize = 256;

/// Verified in place of a missing hash, so that an unknown login takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$eWl6aGFuIG5vYm9keSE$ixsW73BzUx8OZF8RiKHCFJMCbFnZSXYGLYsqxLzJWRQ";

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Passwords are 1 to [`MAX_BYTES`] bytes.
    #[error("a password must be 1 to {MAX_BYTES} bytes")]
    Length,
    /// The hash function refused.
    #[error("hashing failed: {0}")]
    Hash(argon2::password_hash::Error),
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// The hash in PHC form, with a fresh salt.
///
/// # Errors
/// [`Error`].
pub fn hash_password(password: &Secret) -> Result<String, Error> {
    let bytes = password.expose().as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_BYTES {
        return Err(Error::Length);
    }
    let salt: [u8; 16] = rand::random();
    let hash: PasswordHash = argon2().hash_password_with_salt(bytes, &salt).map_err(Error::Hash)?;
    Ok(hash.to_string())
}

/// Whether the password belongs to the hash. Takes the same time without a hash (an unknown login).
#[must_use]
pub fn verify_password(password: &Secret, hash: Option<&str>) -> bool {
    let bytes = password.expose().as_bytes();
    let fits = bytes.len() <= MAX_BYTES;
    let bytes = if fits { bytes } else { b"" };
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY));
    let right = parsed.is_ok_and(|parsed| argon2().verify_password(bytes, &parsed).is_ok());
    right && fits && hash.is_some()
}

/// Whether the text is a hash that [`verify_password`] can use: Argon2id, and not cheaper than ours.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| {
        let strong = Params::try_from(&hash).is_ok_and(|params| params.m_cost() >= 19_456 && params.t_cost() >= 2);
        hash.algorithm.as_str() == "argon2id" && hash.hash.is_some() && strong
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn verifies_only_its_own_password() {
        let hash = hash_password(&secret("驿站2026")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_hash(&hash));
        assert!(verify_password(&secret("驿站2026"), Some(&hash)));
        assert!(!verify_password(&secret("驿站2027"), Some(&hash)));
        assert!(!verify_password(&secret("驿站2026"), None));
        assert_ne!(hash, hash_password(&secret("驿站2026")).unwrap());
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed_and_not_cheaper() {
        assert!(is_hash(NOBODY));
    }

    #[test]
    fn length_is_bounded_and_weak_hashes_are_not_accepted() {
        assert_eq!(hash_password(&secret("")), Err(Error::Length));
        assert_eq!(hash_password(&secret(&"x".repeat(MAX_BYTES + 1))), Err(Error::Length));
        assert!(!is_hash("hunter2"));
        assert!(!is_hash(
            "$argon2id$v=19$m=1024,t=1,p=1$eWl6aGFuIG5vYm9keSE$ixsW73BzUx8OZF8RiKHCFJMCbFnZSXYGLYsqxLzJWRQ"
        ));
        assert!(!verify_password(&secret("x"), Some("not a hash")));
    }
}
