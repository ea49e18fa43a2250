//! Cutting text to the platform's byte limits. Knows no message.

/// The longest beginning of at most `max` bytes that ends between two characters, and the rest.
#[must_use]
pub fn cut(text: &str, max: usize) -> (&str, &str) {
    text.split_at_checked(text.floor_char_boundary(max)).unwrap_or((text, ""))
}

/// The whole text in pieces of at most `max` bytes. An empty text is one empty piece.
#[must_use]
pub fn pieces(text: &str, max: usize) -> Vec<&str> {
    let (mut piece, mut rest) = cut(text, max);
    let mut pieces = Vec::with_capacity(1);
    while !rest.is_empty() && !piece.is_empty() {
        pieces.push(piece);
        (piece, rest) = cut(rest, max);
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("你好", 5), ("你", "好"));
        assert_eq!(cut("你好", 6), ("你好", ""));
        assert_eq!(pieces("a😀b😀", 5), ["a😀", "b😀"]);
        assert_eq!(pieces("", 5), [""]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_long(text in any::<String>(), max in 4_usize..40) {
            let pieces = pieces(&text, max);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| piece.len() <= max));
        }
    }
}
