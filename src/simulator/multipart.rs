//! Strict reading of multipart forms, as narrow as the platform's upload is known to be. Knows no medium.

use bytes::Bytes;

/// The most parts of one form.
const MAX_PARTS: usize = 8;

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) bytes: Bytes,
}

/// The parts of a form with this content type; nothing when it is malformed in any way.
pub(crate) fn read(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = boundary(content_type)?;
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut at = body.starts_with(opening.as_bytes()).then_some(opening.len())?;
    let mut parts = Vec::new();
    loop {
        match body.get(at..)? {
            [b'-', b'-', ..] => return Some(parts),
            [b'\r', b'\n', ..] if parts.len() < MAX_PARTS => at += 2,
            _ => return None,
        }
        let head_len = find(body.get(at..)?, b"\r\n\r\n")?;
        let head = std::str::from_utf8(body.get(at..at + head_len)?).ok()?;
        let start = at + head_len + 4;
        let len = find(body.get(start..)?, between.as_bytes())?;
        let (name, filename) = disposition(head)?;
        parts.push(Part { name, filename, bytes: body.slice(start..start + len) });
        at = start + len + between.len();
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (1..=70).contains(&value.len()).then_some(value)
}

/// Name and file name of a part. A file name in the extended form (`filename*`) does not count, as on the platform.
fn disposition(head: &str) -> Option<(String, Option<String>)> {
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let mut parameters = line.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename) = (None, None);
    for parameter in parameters {
        match parameter.split_once('=') {
            Some(("name", value)) => name = Some(value.trim_matches('"').to_owned()),
            Some(("filename", value)) => filename = Some(value.trim_matches('"').to_owned()),
            _ => {}
        }
    }
    Some((name?, filename.filter(|text| !text.is_empty())))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=XX";

    fn body(text: &str) -> Bytes {
        Bytes::from(text.to_owned())
    }

    #[test]
    fn reads_parts_with_and_without_a_file_name() {
        let form = body(
            "--XX\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\u{1}\r\n-\r\n--XX\r\nContent-Disposition: form-data; name=\"d\"\r\n\r\nx\r\n--XX--\r\n",
        );
        let parts = read(KIND, &form).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].filename.as_deref(), Some("a.png"));
        assert_eq!(parts[0].bytes.as_ref(), b"\x01\r\n-");
        assert_eq!((parts[1].name.as_str(), parts[1].filename.as_deref()), ("d", None));
    }

    #[test]
    fn refuses_what_is_not_closed_or_not_a_form() {
        let open = "--XX\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a\"\r\n\r\nx";
        assert_eq!(read(KIND, &body(open)), None);
        assert_eq!(read("image/png", &body("--XX--")), None);
        assert_eq!(read("multipart/form-data", &body("--XX--")), None);
        assert_eq!(read(KIND, &body("x--XX--")), None);
        let extended =
            "--XX\r\nContent-Disposition: form-data; name=\"media\"; filename*=UTF-8''%e4\r\n\r\nx\r\n--XX--";
        assert_eq!(read(KIND, &body(extended)).unwrap()[0].filename, None);
    }
}
