//! The leases of this node's sockets are kept alive, those of dead nodes are buried. Knows when; what an ended socket
//! means is `presence`'s.

use std::time::Duration;

use tokio::time::Instant;

use super::{Core, Error, presence};
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::lease;

/// A socket whose node does not renew its lease for so long is gone.
pub(super) const LEASE: Duration = Duration::from_secs(36);
/// How often a node renews the leases of its sockets.
const RENEW: Duration = Duration::from_secs(10);
/// How often a node looks for leases that have ended.
const LOOK: Duration = Duration::from_secs(4);
/// Dead leases that are buried per look.
const BATCH: i64 = 200;

/// When to renew, and whether a lease that has ended says anything about its node.
#[derive(Debug, Default)]
struct Upkeep {
    renewed: Option<Millis>,
    /// Until then nobody is taken for dead: the store was away, and the others may not have been back yet either.
    patient_until: Option<Instant>,
}

impl Upkeep {
    fn is_renewal_due(&self, now: Millis) -> bool {
        self.renewed.is_none_or(|last| now >= last.plus(RENEW))
    }

    fn was_away(&mut self, at: Instant) {
        self.patient_until = Some(at + RENEW);
    }

    fn may_bury(&self, at: Instant) -> bool {
        self.patient_until.is_none_or(|until| at >= until)
    }
}

impl Core {
    /// Keeps the leases of this node's sockets alive and buries those of dead nodes, until `stop`.
    pub async fn run_leases(&self, stop: Stop) {
        let mut upkeep = Upkeep::default();
        while !stop.is_cancelled() {
            if let Err(error) = self.look_after_leases(&mut upkeep).await {
                upkeep.was_away(Instant::now());
                tracing::warn!(error = ?error, "leases of sockets could not be looked after; nobody is taken for gone");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look_after_leases(&self, upkeep: &mut Upkeep) -> Result<(), Error> {
        let now = self.inner.parts.clock.now();
        if upkeep.is_renewal_due(now) {
            self.renew_leases(now).await?;
            upkeep.renewed = Some(now);
        }
        if upkeep.may_bury(Instant::now()) {
            self.bury_leases().await?;
        }
        Ok(())
    }

    async fn renew_leases(&self, now: Millis) -> Result<usize, Error> {
        let (node, until) = (self.node(), now.plus(LEASE));
        self.inner.parts.store.sweep(move |conn| lease::renew(conn, node, until).map_err(Error::from)).await
    }

    /// Treats sockets whose lease has ended as closed.
    pub(crate) async fn bury_leases(&self) -> Result<(), Error> {
        let now = self.inner.parts.clock.now();
        let ended =
            self.inner.parts.store.survey(move |conn| lease::ended(conn, now, BATCH).map_err(Error::from)).await?;
        for old in ended {
            let tenant = old.tenant.clone();
            self.change(&tenant, move |tx, scene, fx| {
                if lease::bury(tx, &old, scene.now)? {
                    presence::lost(tx, scene, (&old.participant, &old.device), fx)
                } else {
                    Ok(())
                }
            })
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_store_was_away_everybody_gets_time_to_renew() {
        let (start, mut upkeep) = (Instant::now(), Upkeep::default());
        assert!(upkeep.may_bury(start));
        upkeep.was_away(start);
        assert!(!upkeep.may_bury(start + LOOK), "the others may be a look behind");
        upkeep.was_away(start + LOOK);
        assert!(!upkeep.may_bury(start + RENEW), "the last failure counts");
        assert!(upkeep.may_bury(start + LOOK + RENEW));
    }

    #[test]
    fn a_clock_that_jumps_brings_the_renewal_forward() {
        let mut upkeep = Upkeep::default();
        assert!(upkeep.is_renewal_due(Millis(0)));
        upkeep.renewed = Some(Millis(0));
        assert!(!upkeep.is_renewal_due(Millis(0).plus(LOOK)));
        assert!(upkeep.is_renewal_due(Millis(0).plus(LEASE)));
    }
}
