//! What every XML of a channel has in common: which characters exist, and what a reference stands for.

use quick_xml::events::BytesRef;

/// Whether XML 1.0 has no place for it, not even as a reference.
pub(super) fn is_illegal(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// What a reference stands for: one of the five entities of XML, or a character that XML allows. `None` for all else.
pub(super) fn referenced(reference: &BytesRef<'_>) -> Option<char> {
    let by_number = reference.resolve_char_ref().ok()?;
    let c = match (by_number, reference.as_ref()) {
        (Some(c), _) => c,
        (None, "amp") => '&',
        (None, "lt") => '<',
        (None, "gt") => '>',
        (None, "quot") => '"',
        (None, "apos") => '\'',
        (None, _) => return None,
    };
    (!is_illegal(c)).then_some(c)
}
