//! Names become addresses here, and blocked ones become nothing. Knows reqwest's hook for it, no request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Blocked, is_public};

/// How long a name may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Where names are looked up.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// As the machine does it.
    System,
    /// One answer after the other, as a name server in bad hands would give them.
    #[cfg(test)]
    Told(std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<Vec<std::net::IpAddr>>>>),
}

impl Lookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.take(MAX_ADDRESSES).collect()),
            #[cfg(test)]
            Self::Told(answers) => {
                let next = answers.lock().unwrap().pop_front().unwrap_or_default();
                Ok(next.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
            }
        }
    }
}

/// The client's resolver. The addresses that it returns are those that are connected to: between the check and the
/// connection there is no second look-up that could answer differently.
#[derive(Debug, Clone)]
pub struct Resolver {
    lookup: Lookup,
    internal: bool,
}

impl Resolver {
    /// For addresses of anybody: a name with one internal address is refused altogether.
    #[must_use]
    pub fn public_only(lookup: Lookup) -> Self {
        Self { lookup, internal: false }
    }

    /// For hosts that the operator has permitted.
    #[must_use]
    pub fn permitted(lookup: Lookup) -> Self {
        Self { lookup, internal: true }
    }

    async fn find(self, name: String) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = tokio::time::timeout(PATIENCE, self.lookup.addresses(&name)).await??;
        let blocked = addresses.iter().find(|address| !self.internal && !is_public(address.ip()));
        match blocked {
            Some(address) => Err(Blocked::Internal(address.ip().to_string()).into()),
            None if addresses.is_empty() => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            None => Ok(Box::new(addresses.into_iter())),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().find(name.as_str().to_owned()))
    }
}
