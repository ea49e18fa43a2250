//! What nodes write to each other, and whose it is: an independent reading of the format of `src/hub/wire`. Knows no verdict.

/// The version of the format.
const VERSION: u8 = 1;
/// Tags of items that have recipients in front.
const HINTS: std::ops::RangeInclusive<u8> = 1..=5;
/// A recipient that stands for all agents of a tenant: it has no name of its own.
const AGENTS: u8 = 2;

/// The hints of an entry, each with the tenants of its recipients; `None` when it is no entry.
pub fn hints(entry: &[u8]) -> Option<Vec<(Vec<String>, String)>> {
    let mut rest = Bytes(entry);
    let mut hints = Vec::new();
    if rest.take(1)? != [VERSION] {
        return None;
    }
    while !rest.0.is_empty() {
        let tag = rest.byte()?;
        let length = usize::try_from(u32::from_le_bytes(rest.take(4)?.try_into().ok()?)).ok()?;
        let mut body = Bytes(rest.take(length)?);
        if HINTS.contains(&tag) {
            let tenants = body.tenants()?;
            hints.push((tenants, String::from_utf8_lossy(body.0).into_owned()));
        }
    }
    Some(hints)
}

/// What was not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.byte()?;
        std::str::from_utf8(self.take(length.into())?).ok()
    }

    /// Those of the recipients, each once.
    fn tenants(&mut self) -> Option<Vec<String>> {
        let mut tenants = Vec::new();
        for _ in 0..self.number()? {
            let kind = self.byte()?;
            tenants.push(self.text()?.to_owned());
            if kind != AGENTS {
                self.text()?;
            }
        }
        tenants.sort_unstable();
        tenants.dedup();
        Some(tenants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
    }

    #[test]
    fn a_hint_belongs_to_the_tenants_of_its_recipients() {
        let frame = item(2, b"\x02\x00\x01\x04bank\x02li\x02\x04shop\x00 words");
        let notice = item(16, b"\x03n_1\x00\x00\x00\x00\x00\x00\x00\x00");
        let message = item(1, b"\x01\x00\x03\x04dock\x03p_1{}");
        let entry = [&[VERSION][..], &frame, &notice, &message].concat();
        let whose = |tenants: &[&str], text: &str| (tenants.iter().map(ToString::to_string).collect(), text.to_owned());
        assert_eq!(hints(&entry), Some(vec![whose(&["bank", "shop"], "\0 words"), whose(&["dock"], "{}")]));
    }

    #[test]
    fn what_is_no_entry_is_not_taken_for_one() {
        assert_eq!(hints(b"1764237600000-0"), None);
        assert_eq!(hints(b"b"), None);
        assert_eq!(hints(&[&[VERSION][..], &item(2, b"\x02\x00\x01\x04bank")].concat()), None);
    }
}
