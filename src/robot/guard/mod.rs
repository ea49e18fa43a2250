//! Which addresses the gateway calls on behalf of somebody's settings. Knows URLs and IP addresses, no robot and no HTTP.
//!
//! An address is judged twice: as it is written, when a setting is read ([`Guard::endpoint`]), and as it resolves, in
//! the moment a connection is made ([`Resolver`]). What a name meant a second ago therefore does not matter.

mod address;
mod resolve;

use std::fmt;

use url::{Host, Url};

pub use address::is_public;
pub use resolve::{Lookup, Resolver};

/// Longest address that is read, bytes.
const MAX_URL: usize = 2_048;
/// Where strangers are called. Everything else on a machine is not meant for them.
const PORTS: [u16; 2] = [443, 8443];

/// Why an address is not called. The code that clients see is `url_blocked`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Not an address at all, or one with characters that hide what it is.
    #[error("is no address: {0}")]
    Malformed(&'static str),
    /// Anything but `https`, and `http` to a permitted host.
    #[error("must begin with https:// (http:// only to a host that robot.allow_hosts names)")]
    Scheme,
    /// A port that is not 443 or 8443.
    #[error("must use port 443 or 8443, not {0}")]
    Port(u16),
    /// A name or a password in the address.
    #[error("must not carry a user name or password")]
    Credentials,
    /// An address of this machine, of the network that it stands in, or one that belongs to nobody.
    #[error("leads to {0}, which is not a public address; robot.allow_hosts can permit the host")]
    Internal(String),
    /// The gateway itself.
    #[error("leads back to this gateway ({0})")]
    Own(String),
}

/// A host and port that the operator lets robots call although they are internal: `rasa.internal:5005`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    host: String,
    port: u16,
}

impl Permit {
    /// Reads `host:port`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`Blocked::Malformed`] when it is anything but a host and a port.
    pub fn parse(text: &str) -> Result<Self, Blocked> {
        let shape = Blocked::Malformed("expected host:port");
        let Some((host, port)) = text.rsplit_once(':') else { return Err(shape) };
        let Ok(port) = port.parse::<u16>() else { return Err(shape) };
        if port == 0 || text.contains(['/', '@', '?', '#', '\\', '%']) || text.chars().any(is_hidden) {
            return Err(shape);
        }
        match Host::parse(host) {
            Ok(host) => Ok(Self { host: canonical(&host), port }),
            Err(_) => Err(shape),
        }
    }
}

/// An address that may be called. Only a [`Guard`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    permitted: bool,
}

impl Endpoint {
    /// The address as it was understood, for whoever has to confirm it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it stands on the operator's list, and its host may therefore be internal.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        self.permitted
    }

    /// The address `path` below this one. Segments are escaped: a segment cannot leave its place.
    #[must_use]
    pub fn below(&self, path: &[&str]) -> Self {
        let mut below = self.clone();
        // An address with a host always has segments.
        if let Ok(mut segments) = below.url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        below
    }

    /// The same address with one more query parameter.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.url.query_pairs_mut().append_pair(name, value);
        with
    }
}

/// Paths and queries of webhooks are often secrets, so only the place is printed.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.url.origin().ascii_serialization())
    }
}

/// The rules for addresses that come out of settings.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    permits: Vec<Permit>,
    own: Vec<String>,
}

impl Guard {
    /// Rules with these exceptions. `own` are the hosts under which the gateway itself is reached: a robot that called
    /// them would talk to itself. They stay blocked even when they are permitted.
    #[must_use]
    pub fn new(permits: Vec<Permit>, own: &[Url]) -> Self {
        Self { permits, own: own.iter().filter_map(Url::host).map(|host| canonical(&host)).collect() }
    }

    /// Judges a written address.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint, Blocked> {
        if text.len() > MAX_URL {
            return Err(Blocked::Malformed("too long"));
        }
        // The parser would drop tabs and line ends and take '\' for '/': what is called must be what is read.
        if text.chars().any(|c| is_hidden(c) || c == '\\' || c.is_whitespace()) {
            return Err(Blocked::Malformed("contains invisible characters or a backslash"));
        }
        let Ok(url) = Url::parse(text) else { return Err(Blocked::Malformed("cannot be read")) };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err(Blocked::Scheme) };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::Credentials);
        }
        let name = canonical(&host);
        if self.own.contains(&name) {
            return Err(Blocked::Own(name));
        }
        let permitted = self.permits.iter().any(|permit| permit.host == name && permit.port == port);
        match url.scheme() {
            "https" => {}
            "http" if permitted => {}
            // An internal address is the graver thing to say.
            _ => return Err(internal(&host).unwrap_or(Blocked::Scheme)),
        }
        if !permitted {
            if let Some(blocked) = internal(&host) {
                return Err(blocked);
            }
            if !PORTS.contains(&port) {
                return Err(Blocked::Port(port));
            }
        }
        Ok(Endpoint { url, permitted })
    }
}

fn internal(host: &Host<&str>) -> Option<Blocked> {
    let public = match host {
        Host::Ipv4(address) => is_public((*address).into()),
        Host::Ipv6(address) => is_public((*address).into()),
        Host::Domain(_) => {
            let name = canonical(host);
            name != "localhost" && !name.ends_with(".localhost")
        }
    };
    (!public).then(|| Blocked::Internal(canonical(host)))
}

/// The host as it is compared: lower case, without the dot of the root.
fn canonical<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(name) => name.as_ref().trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    }
}

/// Characters that do not show, or turn around what shows.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
