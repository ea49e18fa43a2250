//! `[robot]`: what the operator lets tenants' robots and services call. Judging addresses is the guard's business.

use super::reader::Reader;

/// What tenants may have called.
#[derive(Debug, Clone, Default)]
pub struct Robot {
    /// Internal hosts as `host:port`; everything else must be public and `https`.
    pub allow_hosts: Vec<String>,
}

impl Robot {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let host = |text: &str| {
            let (host, port) = text.rsplit_once(':')?;
            (!host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)).then(|| text.to_owned())
        };
        Self { allow_hosts: r.list("allow_hosts", "host:port", host) }
    }
}
