//! The leases of this node's sockets are kept alive, those of dead nodes are buried. Knows when; what an ended socket
//! means is `presence`'s.

use std::time::Duration;

use tokio::time::Instant;

use super::{Core, Error, presence};
use crate::runtime::Stop;
use crate::store::{Conn, lease};

/// A socket whose node does not renew its lease for so long is gone.
pub(super) const LEASE: Duration = Duration::from_secs(36);
/// The same while its participant is in a call: the other side waits for an answer. With the time to come back, a call
/// whose node dies is over within half a minute. Five looks, so that a node that stands still for a moment is no dead one.
pub(super) const CALL_LEASE: Duration = Duration::from_secs(10);
/// A lease is renewed when it is so old.
const RENEW: Duration = Duration::from_secs(10);
/// How often a node looks for leases to renew, and for those that have ended.
const LOOK: Duration = Duration::from_secs(2);
/// Dead leases that are buried per look.
const BATCH: i64 = 200;

/// Whether a lease that has ended says anything about its node.
#[derive(Debug, Default)]
struct Upkeep {
    /// Until then nobody is taken for dead: the store was away, and the others may not have been back yet either.
    patient_until: Option<Instant>,
}

impl Upkeep {
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
            if let Err(error) = self.look_after_leases(&upkeep).await {
                upkeep.was_away(Instant::now());
                tracing::warn!(error = ?error, "leases of sockets could not be looked after; nobody is taken for gone");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look_after_leases(&self, upkeep: &Upkeep) -> Result<(), Error> {
        self.renew_leases().await?;
        if upkeep.may_bury(Instant::now()) {
            self.bury_leases().await?;
        }
        Ok(())
    }

    /// Renews the leases of this node's sockets that have become old, and all of those in calls.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn renew_leases(&self) -> Result<(), Error> {
        let (node, now) = (self.node(), self.inner.parts.clock.now());
        let (soon, until) = (now.plus(LEASE.saturating_sub(RENEW)), now.plus(LEASE));
        let renew = move |conn: &mut Conn| {
            lease::renew(conn, node, soon, until)?;
            // In the same transaction: none of these may be seen with the long time.
            lease::renew_in_calls(conn, node, now.plus(CALL_LEASE)).map(drop)
        };
        self.inner.parts.store.sweep(move |conn| renew(conn).map_err(Error::from)).await
    }

    /// Treats sockets whose lease has ended as closed.
    pub(crate) async fn bury_leases(&self) -> Result<(), Error> {
        let now = self.inner.parts.clock.now();
        let ended =
            self.inner.parts.store.survey(move |conn| lease::ended(conn, now, BATCH).map_err(Error::from)).await?;
        for (old, until) in ended {
            let tenant = old.tenant.clone();
            self.change(&tenant, move |tx, scene, fx| {
                if lease::bury(tx, &old, scene.now)? {
                    // The last sign of life, or later if it was not in a call.
                    let heard = until.minus(CALL_LEASE);
                    presence::lost(tx, scene, (&old.participant, &old.device, heard), fx)
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
}
