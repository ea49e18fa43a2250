//! What bytes are, told from the bytes alone. What a browser might run is nothing in particular.

/// The type of whatever is not recognised: offered as a download, never shown.
pub const UNKNOWN: &str = "application/octet-stream";

/// Signatures at the very start.
const STARTS: [(&[u8], &str); 12] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"\x1A\x45\xDF\xA3", "video/webm"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1F\x8B", "application/gzip"),
];

/// The type that the first bytes of a blob tell. HTML, SVG and XML are never recognised on purpose.
#[must_use]
pub fn mime(head: &[u8]) -> &'static str {
    if let Some((_, mime)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return mime;
    }
    match (head.get(..4), head.get(4..8), head.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => return "image/webp",
        (Some(b"RIFF"), _, Some(b"WAVE")) => return "audio/wav",
        (_, Some(b"ftyp"), Some(b"M4A ")) => return "audio/mp4",
        (_, Some(b"ftyp"), Some(_)) => return "video/mp4",
        _ => {}
    }
    match head {
        // An MPEG audio frame without a tag: sync bits, layer III or II.
        [0xFF, 0xFB | 0xFA | 0xF3 | 0xF2 | 0xFD, ..] => "audio/mpeg",
        _ if is_text(head) => "text/plain",
        _ => UNKNOWN,
    }
}

/// Text without markup at its start and without control characters.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end inside a character.
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !valid.is_empty() && !valid.contains('<') && !valid.contains(control)
}

/// Whether a browser may show it in place. Everything else is a download.
#[must_use]
pub fn shown_inline(mime: &str) -> bool {
    matches!(
        mime,
        "image/png"
            | "image/jpeg"
            | "image/gif"
            | "image/bmp"
            | "image/webp"
            | "audio/amr"
            | "audio/mpeg"
            | "audio/ogg"
            | "audio/wav"
            | "audio/mp4"
            | "video/mp4"
            | "video/webm"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_their_type_and_markup_tells_none() {
        let cases: [(&[u8], &str); 12] = [
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"\xFF\xD8\xFF\xE0..JFIF", "image/jpeg"),
            (b"GIF89a/*", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"....ftypisom", "video/mp4"),
            (b"#!AMR\n<", "audio/amr"),
            (b"\xFF\xFB\x90\x00", "audio/mpeg"),
            (b"%PDF-1.7", "application/pdf"),
            ("你好, 世界\n".as_bytes(), "text/plain"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", UNKNOWN),
            (b"  <!DOCTYPE html>", UNKNOWN),
            (b"hello <script>", UNKNOWN),
        ];
        for (head, mime_of) in cases {
            assert_eq!(mime(head), mime_of, "{}", head.escape_ascii());
        }
        assert!(!shown_inline("application/pdf") && !shown_inline("text/plain") && !shown_inline(UNKNOWN));
    }
}
