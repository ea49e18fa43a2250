//! Puts together messages that come in fragments. Knows no frames.
//!
//! The library would do it, but it looks at the encoding of a text when its last fragment is there; RFC 6455 §8.1 lets a
//! client be refused at the fragment that is wrong.

use super::Violation;

/// A message that came in fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// The fragments of one message so far. The guard bounds their number and size.
#[derive(Debug, Default)]
pub struct Fragments {
    bytes: Vec<u8>,
    kind: Option<Kind>,
    /// Bytes at the front that are known to be UTF-8.
    checked: usize,
}

impl Fragments {
    /// Takes the first fragment of a text.
    ///
    /// # Errors
    /// When it cannot be the beginning of UTF-8.
    pub fn text(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        *self = Self { bytes: Vec::new(), kind: Some(Kind::Text), checked: 0 };
        self.more(bytes)
    }

    /// Takes the first fragment of a binary message.
    pub fn binary(&mut self, bytes: &[u8]) {
        *self = Self { bytes: bytes.to_vec(), kind: Some(Kind::Binary), checked: 0 };
    }

    /// Takes a fragment.
    ///
    /// # Errors
    /// When the text so far cannot be the beginning of UTF-8.
    pub fn more(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.bytes.extend_from_slice(bytes);
        if self.kind == Some(Kind::Text) {
            match std::str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
                Ok(_) => self.checked = self.bytes.len(),
                Err(error) if error.error_len().is_some() => return Err(Violation::ENCODING),
                Err(error) => self.checked += error.valid_up_to(),
            }
        }
        Ok(())
    }

    /// Takes the last fragment; the message.
    ///
    /// # Errors
    /// When the text is not UTF-8, or when there was no first fragment.
    pub fn last(&mut self, bytes: &[u8]) -> Result<Whole, Violation> {
        self.more(bytes)?;
        let Self { bytes, kind, .. } = std::mem::take(self);
        match kind {
            Some(Kind::Text) => String::from_utf8(bytes).map(Whole::Text).or(Err(Violation::ENCODING)),
            Some(Kind::Binary) => Ok(Whole::Binary(bytes)),
            None => Err(Violation::PROTOCOL),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wrong_byte_is_refused_in_its_own_fragment() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.text(&[0xCE, 0xBA, 0xED, 0xA0, 0x80]), Err(Violation::ENCODING));
        assert_eq!(fragments.text(&[0xE4, 0xBD]), Ok(()));
        assert_eq!(fragments.more(&[0xA0, 0xE4]), Ok(()));
        assert_eq!(fragments.last(b""), Err(Violation::ENCODING), "cut off at the end");
        fragments.binary(&[0xFF]);
        assert_eq!(fragments.last(&[0xFE]), Ok(Whole::Binary(vec![0xFF, 0xFE])));
        assert_eq!(fragments.last(b""), Err(Violation::PROTOCOL), "nothing was begun");
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_however_it_is_cut(text in ".{0,60}", cut in 1_usize..9) {
            let mut fragments = Fragments::default();
            prop_assert_eq!(fragments.text(b""), Ok(()));
            for part in text.as_bytes().chunks(cut) {
                prop_assert_eq!(fragments.more(part), Ok(()));
            }
            prop_assert_eq!(fragments.last(b""), Ok(Whole::Text(text)));
        }
    }
}
