//! Addresses from which a platform says that it calls: single ones and networks. Pure.

use std::net::IpAddr;

/// One address or network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Net {
    address: IpAddr,
    bits: u32,
}

/// A list of addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceList(Vec<Net>);

impl SourceList {
    /// Reads `1.2.3.4`, `1.2.3.0/24` and their IPv6 forms; `None` when an entry is neither or there is no entry:
    /// a list that is not understood must not shut everybody out.
    #[must_use]
    pub fn parse(entries: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Self> {
        let nets: Option<Vec<Net>> = entries.into_iter().map(|entry| net(entry.as_ref())).collect();
        nets.filter(|nets| !nets.is_empty()).map(Self)
    }

    /// Whether an address is on the list. An IPv4 address in IPv6 form counts as the IPv4 address.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| match (net.address, address) {
            (IpAddr::V4(net_address), IpAddr::V4(address)) => {
                same(u128::from(u32::from(net_address)) << 96, u128::from(u32::from(address)) << 96, net.bits)
            }
            (IpAddr::V6(net_address), IpAddr::V6(address)) => same(net_address.into(), address.into(), net.bits),
            _ => false,
        })
    }
}

fn net(entry: &str) -> Option<Net> {
    let (address, bits) = entry.split_once('/').map_or((entry, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.trim().parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some(Net { address: address.to_canonical(), bits })
}

/// Whether the first `bits` of two left-aligned addresses are the same.
fn same(one: u128, other: u128, bits: u32) -> bool {
    (one ^ other).leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Option<SourceList> {
        SourceList::parse(entries)
    }

    #[test]
    fn addresses_and_networks_are_told_from_others() {
        let list = list(&["1.2.3.4", "10.1.0.0/16", "2001:db8::/32", "::1"]).unwrap();
        for inside in ["1.2.3.4", "10.1.255.7", "2001:db8:1::9", "::1", "::ffff:1.2.3.4"] {
            assert!(list.has(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.2.3.5", "10.2.0.0", "2001:db9::1", "::2", "127.0.0.1"] {
            assert!(!list.has(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_list() {
        for bad in [&[][..], &["1.2.3.4", "qq.com"], &["1.2.3.4/33"], &["1.2.3.4/x"], &[""]] {
            assert_eq!(list(bad), None, "{bad:?}");
        }
    }
}
