//! Signatures over callback parameters. Knows neither keys nor accounts.

use std::fmt;

use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq};

/// SHA-1 over strings sorted bytewise and joined. It has no `PartialEq`: the only comparison takes constant time.
#[derive(Clone, Copy)]
pub struct Signature([u8; 20]);

impl Signature {
    /// The signature of the parts, in whatever order they come.
    #[must_use]
    pub fn of<const N: usize>(mut parts: [&str; N]) -> Self {
        parts.sort_unstable();
        Self::of_sorted(&parts)
    }

    fn of_sorted(parts: &[&str]) -> Self {
        let mut hash = Sha1::new();
        for part in parts {
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }

    /// Whether `claimed` is this signature in lower-case hexadecimal, as the platform writes it.
    #[must_use]
    pub fn matches(&self, claimed: &str) -> bool {
        self.verify(claimed, false)
    }

    /// Like [`Signature::matches`], but takes upper-case digits too. Address verification is also done by hand and by
    /// tools, and the case of a digit carries no secret.
    #[must_use]
    pub fn matches_any_case(&self, claimed: &str) -> bool {
        self.verify(claimed, true)
    }

    fn verify(&self, claimed: &str, any_case: bool) -> bool {
        let (bytes, well_formed) = decode_hex(claimed, any_case);
        (self.0.ct_eq(&bytes) & Choice::from(u8::from(well_formed))).into()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// Twenty bytes and whether the text was exactly forty digits. What the sender claims is no secret, so this may stop
/// early; the comparison that follows always covers twenty bytes.
fn decode_hex(text: &str, any_case: bool) -> ([u8; 20], bool) {
    let mut bytes = [0; 20];
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' if any_case => Some(b - b'A' + 10),
        _ => None,
    };
    let mut pairs = text.as_bytes().chunks_exact(2);
    for byte in &mut bytes {
        let Some(&[high, low]) = pairs.next() else { return (bytes, false) };
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return (bytes, false) };
        *byte = (high << 4) | low;
    }
    (bytes, pairs.next().is_none() && pairs.remainder().is_empty())
}

/// The signature of the parts in lower-case hexadecimal, for whoever signs: replies and the simulator.
#[must_use]
pub fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    Signature::of_sorted(&sorted).to_string()
}
