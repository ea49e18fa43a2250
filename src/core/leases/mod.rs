//! This node gives signs of life for all of its sockets; the sockets of nodes that give none are buried, and what they were
//! doing is for others. Knows when; what an ended socket means is `open`'s.

mod watched;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

pub(crate) use self::watched::Watched;
use super::{Core, Error, open};
use crate::model::id::NodeId;
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::lease::{Lease, Sign};
use crate::store::{Conn, Error as StoreError, lease, node};

/// A socket whose node gives no sign of life for so long is gone.
pub(super) const LEASE: Duration = Duration::from_secs(36);
/// The same while its participant is in a call: the other side waits for an answer. With the time to come back, a call
/// whose node dies is over within half a minute. Five looks, so that a node that stands still for a moment is no dead one.
const CALL_LEASE: Duration = Duration::from_secs(10);
/// How often a node gives a sign of life, and looks for nodes that give none.
const LOOK: Duration = Duration::from_secs(2);
/// After the store was away nobody is taken for dead for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Dead leases that are buried per look ...
const BATCH: usize = 200;
/// ... and at the same time.
const AT_ONCE: usize = 16;
/// A socket that is gone so soon if its node stays silent is watched. Even one in a call is not while all are well: its
/// node gave a sign two looks ago at the latest.
const SOON: Duration = Duration::from_secs(6);
/// A node that gives no sign of life for so long makes no call and fetches nothing any more. An agent's answer that waits
/// behind a call that was cut off leaves within ten seconds; a node that only stood still looks before it goes on.
pub(super) const WORK: Duration = Duration::from_secs(6);
/// Leases of a node that are watched at a time.
const WATCHED: i64 = 5_000;

/// A socket whose node has been silent for a while.
#[derive(Debug, Clone)]
struct Fading {
    lease: Lease,
    sign: Sign,
    /// When it is taken for gone.
    gone_at: Millis,
}

impl Fading {
    /// When its node was heard of last. Of a lease that stands for itself: or later, if nobody was in a call.
    fn heard(&self) -> Millis {
        match self.sign {
            Sign::Node(_, at) => at,
            Sign::Own(until) => until.minus(CALL_LEASE),
        }
    }
}

/// What one look finds.
#[derive(Debug, Default)]
struct Found {
    /// All nodes, with their last sign.
    nodes: Vec<(NodeId, Millis)>,
    fading: Vec<Fading>,
    /// Nodes without a sign for as long as a socket's may be missing, and without sockets.
    empty: Vec<(NodeId, Millis)>,
}

/// Looks for sockets that are gone soon or already. Costs two statements while all nodes are well.
fn look(conn: &mut Conn, now: Millis) -> Result<Found, StoreError> {
    let nodes = node::all(conn)?;
    let known: Vec<NodeId> = nodes.iter().map(|(node, _)| *node).collect();
    let mut found = Found { nodes, ..Found::default() };
    for &(node, seen) in &found.nodes {
        let (gone_at, leases) = if seen.plus(LEASE) <= now.plus(SOON) {
            (seen.plus(LEASE), lease::at(conn, node, WATCHED)?)
        } else if seen.plus(CALL_LEASE) <= now.plus(SOON) {
            (seen.plus(CALL_LEASE), lease::in_calls(conn, node)?)
        } else {
            continue;
        };
        if leases.is_empty() && seen.plus(LEASE) <= now {
            found.empty.push((node, seen));
        }
        found.fading.extend(leases.into_iter().map(|lease| Fading { lease, sign: Sign::Node(node, seen), gone_at }));
    }
    let alone = lease::of_others(conn, &known, now.plus(SOON), WATCHED)?;
    found.fading.extend(alone.into_iter().map(|(lease, until)| Fading {
        lease,
        sign: Sign::Own(until),
        gone_at: until,
    }));
    Ok(found)
}

/// Whether silence says anything about a node.
#[derive(Debug, Default)]
struct Upkeep {
    /// Until then nobody is taken for dead: the store was away, and the others may not have been back yet either.
    patient_until: Option<Instant>,
}

impl Upkeep {
    fn was_away(&mut self, at: Instant) {
        self.patient_until = Some(at + PATIENCE);
    }

    fn may_bury(&self, at: Instant) -> bool {
        self.patient_until.is_none_or(|until| at >= until)
    }
}

impl Core {
    /// Gives signs of life for this node's sockets and buries those of dead nodes, until `stop`.
    pub async fn run_leases(&self, stop: Stop) {
        let (mut upkeep, mut watched) = (Upkeep::default(), Watched::default());
        while !stop.is_cancelled() {
            if let Err(error) = self.look_after_leases(&upkeep, &mut watched).await {
                upkeep.was_away(Instant::now());
                watched = Watched::default();
                tracing::warn!(error = ?error, "open sockets could not be looked after; nobody is taken for gone");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        // Calls that are under way may last a while longer: nobody misses this node so soon.
        if let Err(error) = self.give_sign().await {
            tracing::warn!(error = ?error, "no last sign of life was given");
        }
    }

    async fn look_after_leases(&self, upkeep: &Upkeep, watched: &mut Watched) -> Result<(), Error> {
        self.give_sign().await?;
        if upkeep.may_bury(Instant::now()) {
            self.bury_silent(watched).await?;
        }
        Ok(())
    }

    /// Says that this node is alive, and all of its sockets with it. Nobody misses a socket of a node that never did.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn give_sign(&self) -> Result<(), Error> {
        let (node, now) = (self.node(), self.inner.parts.clock.now());
        self.inner.parts.store.sweep(move |conn| node::sign(conn, node, now).map_err(Error::from)).await
    }

    /// Leaves to others what silent nodes were doing, and treats their sockets as closed, once looks enough have found them so. One that cannot be treated so is put
    /// off and holds up no other.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn bury_silent(&self, watched: &mut Watched) -> Result<(), Error> {
        let (store, now) = (&self.inner.parts.store, self.inner.parts.clock.now());
        let Found { nodes, fading, empty } = store.survey(move |conn| look(conn, now).map_err(Error::from)).await?;
        for (node, seen) in watched.nodes.silent(nodes, |node| *node) {
            if seen.plus(WORK) <= now {
                self.orphaned(Some(node)).await?;
            }
        }
        let silent = watched.sockets.silent(fading, |one| (one.lease.connection, one.sign));
        let gone = silent.into_iter().filter(|one| one.gone_at <= now).take(BATCH);
        let buried = stream::iter(gone).map(async |one| (self.bury(&one).await, one.lease));
        let buried: Vec<_> = buried.buffer_unordered(AT_ONCE).collect().await;
        let mut away = Ok(());
        for (outcome, lease) in buried {
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_away() => away = Err(error),
                Err(error) => {
                    let Lease { tenant, participant, .. } = &lease;
                    tracing::error!(%tenant, participant, error = ?error, "a socket of a dead node could not be closed");
                    watched.sockets.put_off(&lease.connection);
                }
            }
        }
        for (node, seen) in empty {
            match store.sweep(move |conn| node::forget(conn, node, seen).map_err(Error::from)).await {
                Err(error) if error.is_away() => away = Err(error),
                Err(error) => tracing::warn!(%node, error = ?error, "a dead node is not forgotten yet"),
                Ok(_) => {}
            }
        }
        away
    }

    async fn bury(&self, gone: &Fading) -> Result<(), Error> {
        let gone = gone.clone();
        self.change(&gone.lease.tenant.clone(), move |tx, scene, fx| {
            if lease::bury(tx, &gone.lease, gone.sign)? {
                open::lost(tx, scene, (&gone.lease, gone.heard()), fx)
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
        for _ in 0..watched::LOOKS {
            self.bury_silent(&mut watched).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_store_was_away_everybody_gets_time_for_a_sign() {
        let (start, mut upkeep) = (Instant::now(), Upkeep::default());
        assert!(upkeep.may_bury(start));
        upkeep.was_away(start);
        assert!(!upkeep.may_bury(start + LOOK), "the others may be a look behind");
        upkeep.was_away(start + LOOK);
        assert!(!upkeep.may_bury(start + PATIENCE), "the last failure counts");
        assert!(upkeep.may_bury(start + LOOK + PATIENCE));
    }
}
