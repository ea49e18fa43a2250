//! XMPP addresses, `local@domain/resource`, checked and in one spelling. Pure; knows no stream.
//!
//! Source: RFC 7622. Local parts and domains are lower-cased and normalised (NFC), so that two spellings of one
//! address are one value. Stricter than the RFC in what a domain may contain: servers never send more.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// The longest part, bytes.
const MAX_PART: usize = 1_023;
/// What a local part may not contain.
const FORBIDDEN: &[char] = &['"', '&', '\'', '/', ':', '<', '>', '@'];

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an XMPP address (local@domain/resource)")]
pub struct JidError;

/// An address. Ordered and compared as a whole; see [`Jid::bare`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    local: Option<String>,
    domain: String,
    resource: Option<String>,
}

impl Jid {
    /// Reads an address.
    ///
    /// # Errors
    /// When a part is empty, too long, or contains what it may not.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        Ok(Self {
            local: local.map(local_part).transpose()?,
            domain: domain_part(domain)?,
            resource: resource.map(resource_part).transpose()?,
        })
    }

    /// The address of a node on this one's domain.
    ///
    /// # Errors
    /// When `local` is no local part.
    pub fn at(local: &str, domain: &str) -> Result<Self, JidError> {
        Ok(Self { local: Some(local_part(local)?), domain: domain_part(domain)?, resource: None })
    }

    /// The same address with this resource.
    ///
    /// # Errors
    /// When `resource` is none.
    pub fn with_resource(&self, resource: &str) -> Result<Self, JidError> {
        Ok(Self { resource: Some(resource_part(resource)?), ..self.bare() })
    }

    /// The address without its resource.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { resource: None, ..self.clone() }
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.local.as_deref()
    }

    /// The server, or the component.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The part after the `/`: one client of the account.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(local) = &self.local {
            write!(f, "{local}@")?;
        }
        f.write_str(&self.domain)?;
        match &self.resource {
            Some(resource) => write!(f, "/{resource}"),
            None => Ok(()),
        }
    }
}

fn sized(text: String) -> Result<String, JidError> {
    if text.is_empty() || text.len() > MAX_PART { Err(JidError) } else { Ok(text) }
}

// What is checked is the spelling that is kept: normalising may turn a letter into one and a mark.

fn local_part(text: &str) -> Result<String, JidError> {
    let text: String = text.to_lowercase().nfc().collect();
    let bad = |c: char| c.is_control() || c.is_whitespace() || FORBIDDEN.contains(&c);
    if text.chars().any(bad) {
        return Err(JidError);
    }
    sized(text)
}

fn domain_part(text: &str) -> Result<String, JidError> {
    let text: String = text.strip_suffix('.').unwrap_or(text).to_lowercase().nfc().collect();
    let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if !text.chars().all(good) || text.split('.').any(str::is_empty) {
        return Err(JidError);
    }
    sized(text)
}

fn resource_part(text: &str) -> Result<String, JidError> {
    let text: String = text.nfc().collect();
    if text.chars().any(char::is_control) {
        return Err(JidError);
    }
    sized(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_spellings_of_an_address_are_one() {
        let one = Jid::parse("Li@Example.COM./Phone").unwrap();
        assert_eq!(one.to_string(), "li@example.com/Phone");
        assert_eq!(one.bare(), Jid::parse("li@example.com").unwrap());
        assert_eq!((one.local(), one.domain(), one.resource()), (Some("li"), "example.com", Some("Phone")));
        assert_eq!(Jid::parse("desk.example.com").unwrap().local(), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            "@a",
            "a@",
            "a@b/",
            "a b@c",
            "a<b@c",
            "a@b c",
            "a@b@c",
            "a@b..c",
            "a@b/\u{1}",
            "a\"@b",
            "a@<b>",
            "a\u{b5c}",
        ] {
            assert!(Jid::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Jid::parse(&format!("{}@b", "a".repeat(1_024))).is_err());
        assert_eq!(Jid::parse("a@b/c@d/e").unwrap().resource(), Some("c@d/e"), "a resource may contain both");
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_itself(text in "\\PC{1,30}(@\\PC{1,30})?(/\\PC{1,30})?") {
            if let Ok(jid) = Jid::parse(&text) {
                prop_assert_eq!(Jid::parse(&jid.to_string()), Ok(jid.clone()));
                prop_assert!(!jid.bare().to_string().contains(['<', '>', '"', '\'', '&', ' ']));
            }
        }
    }
}
