//! The mark in every payload: `T<tenant>.C<thread>.N<n>.<hmac8>`. One text serves the checks of loss, doubling, phantoms
//! and leaks. Knows nothing of messages.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Hexadecimal digits of the proof.
const PROOF: usize = 8;

/// A mark without its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The tenant that it belongs to.
    pub tenant: char,
    /// The customer whose conversation it belongs to; unique over all tenants.
    pub thread: u32,
    /// Counts within the thread.
    pub n: u32,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}.C{}.N{}", self.tenant, self.thread, self.n)
    }
}

/// Makes and recognises the marks of one campaign.
#[derive(Debug, Clone)]
pub struct Mint {
    key: [u8; 8],
}

/// What a text holds that looks like a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One of ours.
    Ours(Token),
    /// The shape of one, with a wrong proof.
    Forged,
}

impl Mint {
    /// The mint of a campaign.
    pub fn new(seed: u64) -> Self {
        Self { key: seed.to_be_bytes() }
    }

    /// The mark in full.
    pub fn write(&self, token: Token) -> String {
        format!("{token}.{}", self.proof(&token.to_string()))
    }

    fn proof(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length will do");
        mac.update(text.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(PROOF / 2).map(|byte| format!("{byte:02x}")).collect()
    }

    /// All marks in a text, in their order.
    pub fn find(&self, text: &str) -> Vec<Found> {
        let starts = text.match_indices('T').map(|(at, _)| at);
        starts.filter_map(|at| text.get(at..)).filter_map(|rest| self.read(rest)).collect()
    }

    /// The marks of ours in a text.
    pub fn ours(&self, text: &str) -> Vec<Token> {
        let ours = |found| match found {
            Found::Ours(token) => Some(token),
            Found::Forged => None,
        };
        self.find(text).into_iter().filter_map(ours).collect()
    }

    /// The mark that a text begins with.
    fn read(&self, text: &str) -> Option<Found> {
        let rest = text.strip_prefix('T')?;
        let tenant = rest.chars().next().filter(char::is_ascii_lowercase)?;
        let (thread, rest) = digits(rest.get(1..)?.strip_prefix(".C")?)?;
        let (n, rest) = digits(rest.strip_prefix(".N")?)?;
        let proof = rest.strip_prefix('.')?.get(..PROOF)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !proof.bytes().all(hex) {
            return None;
        }
        let token = Token { tenant, thread, n };
        Some(if self.proof(&token.to_string()) == proof { Found::Ours(token) } else { Found::Forged })
    }
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_stand_and_forgeries_are_told_apart() {
        let mint = Mint::new(7);
        let (a, b) = (Token { tenant: 'a', thread: 17, n: 42 }, Token { tenant: 'b', thread: 3, n: 0 });
        let text = format!("Tatort {{\"x\":\"{}\"}}\n你好T{}T", mint.write(a), mint.write(b));
        assert_eq!(mint.ours(&text), [a, b]);
        let forged = mint.write(a).replace("N42", "N43");
        assert_eq!(mint.find(&forged), [Found::Forged]);
        assert_eq!(Mint::new(8).find(&mint.write(a)), [Found::Forged]);
        assert!(mint.find("Ta.C1.N2.123 Ta.C.N.12345678 TA.C1.N1.12345678").is_empty());
    }
}
