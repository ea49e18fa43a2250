//! Lanes: tenants are spread over a fixed number of them, and each has one writer at a time in the whole cluster.

use crate::model::id::TenantId;

/// The number of lanes on PostgreSQL. The same on every node of a cluster, in every version: two nodes that count
/// differently would write for one tenant at the same time.
pub(in crate::store) const LANES: u8 = 8;

/// One lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Lane(u8);

impl Lane {
    /// Every lane.
    pub(in crate::store) fn all() -> impl Iterator<Item = Self> {
        (0..LANES).map(Self)
    }

    /// The lane of a tenant: FNV-1a of its name, mixed once more, so that it is the same on every machine.
    pub(in crate::store) fn of(tenant: &TenantId) -> Self {
        let hash = tenant
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        Self(u8::try_from((mixed ^ (mixed >> 33)) % u64::from(LANES)).unwrap_or_default())
    }

    /// Its number, from 0.
    pub(in crate::store) fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(tenant: &str) -> u8 {
        Lane::of(&TenantId::parse(tenant).unwrap()).number()
    }

    #[test]
    fn the_lane_of_a_tenant_never_changes() {
        assert_eq!(["demo", "bank", "race", "t"].map(lane), [5, 6, 7, 5]);
    }

    #[test]
    fn tenants_are_spread_over_all_lanes() {
        let mut counts = vec![0; usize::from(LANES)];
        for n in 0..8_000 {
            counts[usize::from(lane(&format!("tenant-{n}")))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
