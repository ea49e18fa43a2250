//! The leases of this node's sockets are kept alive, those of dead nodes are buried. Knows when; what an ended socket
//! means is `presence`'s.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::{Core, Error, presence};
use crate::model::id::ConnectionId;
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::lease::{Lease, Rows};
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
/// Leases that are renewed at a time: hundreds in one statement keep messages waiting for a core and for the disk ...
const PORTION: i64 = 64;
/// ... so there is a pause between.
const PAUSE: Duration = Duration::from_millis(10);
/// Dead leases that are buried per look ...
const BATCH: usize = 200;
/// ... and at the same time.
const AT_ONCE: usize = 16;
/// A lease that ends so soon is watched: a living node would have renewed it. That of a call was renewed two looks ago at
/// the latest, so that while all are well nothing is.
const SOON: Duration = Duration::from_secs(6);
/// So many looks in a row have to find it as it was. Clocks of nodes differ, and one that is ahead sees leases as ended
/// whose nodes are well: who renews is alive, whatever the time is. What begins before the end costs no time after it.
const LOOKS: u32 = 3;
/// Leases that are watched at a time.
const WATCHED: i64 = 5_000;

/// What was seen of leases that end soon: until when they were good, and in how many looks that was so.
#[derive(Debug, Default)]
pub(crate) struct Watched(HashMap<ConnectionId, (Millis, u32)>);

impl Watched {
    /// Takes in what a look has found, and gives back those that nobody has renewed for long enough.
    fn silent(&mut self, found: Vec<(Lease, Millis)>) -> Vec<(Lease, Millis)> {
        let before = std::mem::take(&mut self.0);
        let mut silent = Vec::new();
        for (lease, until) in found {
            let known = before.get(&lease.connection).filter(|(seen, _)| *seen == until).map_or(0, |(_, looks)| *looks);
            let looks = known.saturating_add(1);
            self.0.insert(lease.connection, (until, looks));
            if looks >= LOOKS {
                silent.push((lease, until));
            }
        }
        silent
    }

    /// Lets a lease be found silent for as long again before anything is done about it.
    fn put_off(&mut self, lease: &Lease) {
        self.0.remove(&lease.connection);
    }
}

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
        let (mut upkeep, mut watched) = (Upkeep::default(), Watched::default());
        while !stop.is_cancelled() {
            if let Err(error) = self.look_after_leases(&upkeep, &mut watched, &stop).await {
                upkeep.was_away(Instant::now());
                watched = Watched::default();
                tracing::warn!(error = ?error, "leases of sockets could not be looked after; nobody is taken for gone");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look_after_leases(&self, upkeep: &Upkeep, watched: &mut Watched, stop: &Stop) -> Result<(), Error> {
        tokio::select! {
            // So many may be left that a stop would wait for seconds. Those who leave give theirs up.
            () = stop.cancelled() => return Ok(()),
            renewed = self.renew_leases() => renewed?,
        }
        if upkeep.may_bury(Instant::now()) {
            self.bury_silent(watched).await?;
        }
        Ok(())
    }

    /// Renews the leases of this node's sockets that have become old, and all of those in calls. One that somebody keeps
    /// locked is left to the next look and holds up no other.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn renew_leases(&self) -> Result<(), Error> {
        let now = self.inner.parts.clock.now();
        let (mut next, mut rows) = (Some(Millis(0)), Rows::All);
        while let Some(from) = next {
            let renewed = self.renew_portion(from, now, rows).await;
            // Those in calls go with every portion, and to wait for one of them each time would let the others end.
            next = match renewed {
                Err(error) if rows == Rows::All && error.may_pass() && !error.is_away() => {
                    rows = Rows::Free;
                    continue;
                }
                renewed => renewed?,
            };
            if next.is_some() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Renews the first of those that are old and end from then on; those that end later than what comes back are left.
    async fn renew_portion(&self, from: Millis, now: Millis, rows: Rows) -> Result<Option<Millis>, Error> {
        let (node, soon) = (self.node(), now.plus(LEASE.saturating_sub(RENEW)));
        let renew = move |conn: &mut Conn| {
            let renewed = lease::renew(conn, node, from..soon, now.plus(LEASE), (PORTION, rows))?;
            // In the same transaction: none of these may be seen with the long time.
            lease::renew_in_calls(conn, node, now.plus(CALL_LEASE), rows)?;
            Ok::<_, crate::store::Error>(renewed.rest)
        };
        self.inner.parts.store.sweep(move |conn| renew(conn).map_err(Error::from)).await
    }

    /// Treats sockets whose lease has ended as closed, once looks enough have found it silent. One that cannot be treated so
    /// is put off and holds up no other.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn bury_silent(&self, watched: &mut Watched) -> Result<(), Error> {
        let now = self.inner.parts.clock.now();
        let soon = now.plus(SOON);
        let ending =
            self.inner.parts.store.survey(move |conn| lease::ending(conn, soon, WATCHED).map_err(Error::from)).await?;
        let silent = watched.silent(ending);
        let ended = silent.into_iter().filter(|(_, until)| *until <= now).take(BATCH);
        let buried = stream::iter(ended).map(async |(lease, until)| (self.bury(lease.clone(), until).await, lease));
        let buried: Vec<_> = buried.buffer_unordered(AT_ONCE).collect().await;
        let mut away = Ok(());
        for (outcome, lease) in buried {
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_away() => away = Err(error),
                Err(error) => {
                    let Lease { tenant, participant, .. } = &lease;
                    tracing::error!(%tenant, participant, error = ?error, "a socket of a dead node could not be closed");
                    watched.put_off(&lease);
                }
            }
        }
        away
    }

    async fn bury(&self, old: Lease, until: Millis) -> Result<(), Error> {
        let tenant = old.tenant.clone();
        self.change(&tenant, move |tx, scene, fx| {
            if lease::bury(tx, &old, until)? {
                // The last sign of life, or later if it was not in a call.
                let heard = until.minus(CALL_LEASE);
                presence::lost(tx, scene, (&old.participant, &old.device, heard), fx)
            } else {
                Ok(())
            }
        })
        .await
    }

    /// Looks so often that whoever is dead by this clock is noticed.
    ///
    /// # Errors
    /// When the store is away.
    #[cfg(test)]
    pub(crate) async fn bury_leases(&self) -> Result<(), Error> {
        let mut watched = Watched::default();
        for _ in 0..LOOKS {
            self.bury_silent(&mut watched).await?;
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
    fn who_renews_is_alive_whatever_the_time_is() {
        let lease = Lease {
            tenant: crate::model::id::TenantId::parse("demo").unwrap(),
            participant: "agent:li".to_owned(),
            device: "tab".to_owned(),
            connection: ConnectionId::generate(Millis(1)),
        };
        let mut watched = Watched::default();
        let mut look = |until: i64| watched.silent(vec![(lease.clone(), Millis(until))]).len();
        assert_eq!([look(1), look(2), look(3), look(4)], [0; 4], "renewed between all of them");
        assert_eq!([look(4), look(4)], [0, 1], "as it was for three looks");
        assert_eq!(look(5), 0, "and renewed after all");
        assert!(watched.silent(Vec::new()).is_empty());
        assert!(watched.0.is_empty(), "what does not end soon is forgotten");
    }
}
