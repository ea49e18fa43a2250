//! Short texts that people give to things: reasons, names, dispositions.

/// The text on one line, without control characters and with at most `most` characters. PostgreSQL keeps no U+0000, and
/// nobody reads the others.
#[must_use]
pub fn label(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_on_one_line() {
        assert_eq!(label("a\0b\nc\u{85}d 好😀", 6), "abcd 好");
        assert_eq!(label("\0", 6), "");
    }
}
