//! Sockets open, close and die: whose a device's lease is, and what that means for who is behind it. What an agent's coming
//! and going means is `presence`'s, and which node is dead `leases`'s.

use super::effect::Effects;
use super::presence::{arrived, departed};
use super::timer::{self, Kind};
use super::{Client, Core, Error, Party, Scene, asker, call};
use crate::hub::{Hint, Recipient};
use crate::model::id::{AgentId, ConnectionId, ContactId, SessionId};
use crate::model::time::Millis;
use crate::store::footing::Foresight;
use crate::store::lease::{self, Lease};
use crate::store::socket::{self, OfSocket};
use crate::store::{Course, Tx};

/// Which connection is the one of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The one that was asked about.
    This,
    /// A newer one.
    Another,
    /// None: the lease has ended.
    Nobody,
}

/// A customer's socket opened. Returns the connection that had its device's lease, if another did.
fn came(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (client, of): (&Client, &OfSocket),
    fx: &mut Effects,
) -> Result<Option<ConnectionId>, Error> {
    let around = socket::around(tx, of)?;
    if around.waits.is_none() && !around.in_call {
        tx.changes_only(&of.depends());
    }
    lease::give(tx, &of.lease, scene.node, scene.now)?;
    if let Some(session) = around.waits {
        timer::cancel(tx, &[Kind::QueueGrace], session.to_string())?;
    }
    if around.in_call {
        call::attached(tx, scene, client, fx)?;
    }
    Ok(around.holder.filter(|holder| *holder != of.lease.connection))
}

/// A customer's socket closed; when it was the last one of somebody who waits, the grace begins.
fn went(tx: &mut Tx<'_>, scene: &Scene, of: &OfSocket, fx: &mut Effects) -> Result<(), Error> {
    let around = socket::around(tx, of)?;
    if around.holder != Some(of.lease.connection) {
        return Ok(());
    }
    let waits = around.waits.filter(|_| !around.elsewhere);
    if waits.is_none() && !around.in_call {
        tx.changes_only(&of.depends());
    }
    lease::end(tx, &of.lease)?;
    if let Some(session) = waits {
        begin_grace(tx, scene, session, fx)?;
    }
    if around.in_call {
        call::gone(tx, scene, (&of.lease.participant, &of.lease.device, scene.now), fx)?;
    }
    Ok(())
}

fn begin_grace(tx: &mut Tx<'_>, scene: &Scene, waits: SessionId, fx: &mut Effects) -> Result<(), Error> {
    timer::set(tx, Kind::QueueGrace, waits.to_string(), scene.now.plus(scene.tenant.policy.queue_grace), fx)
}

/// A socket whose node died closed, as far as anybody can tell; `heard` is about when its node was heard of last.
pub(super) fn lost(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (lease, heard): (&Lease, Millis),
    fx: &mut Effects,
) -> Result<(), Error> {
    let participant = lease.participant.as_str();
    call::gone(tx, scene, (participant, &lease.device, heard), fx)?;
    if let Some(who) = participant.strip_prefix("agent:") {
        return departed(tx, scene, &AgentId::parse(who)?, fx);
    }
    let Some(contact) = participant.strip_prefix("contact:") else { return Ok(()) };
    let contact = ContactId::parse(contact)?;
    for account in &scene.tenant.accounts {
        let of = OfSocket { lease: lease.clone(), contact, account: account.id.clone() };
        let around = socket::around(tx, &of)?;
        if let Some(session) = around.waits.filter(|_| !around.elsewhere) {
            begin_grace(tx, scene, session, fx)?;
        }
    }
    Ok(())
}

/// The lease that a client's socket should have.
pub(super) fn lease_of(client: &Client) -> Lease {
    Lease {
        tenant: client.tenant.clone(),
        participant: client.participant(),
        device: client.device.to_string(),
        connection: client.connection,
    }
}

/// Whose socket a client's is, if it is a customer's.
fn of_customer(client: &Client) -> Option<OfSocket> {
    let Party::Contact { contact, account } = &client.party else { return None };
    Some(OfSocket { lease: lease_of(client), contact: *contact, account: account.clone() })
}

impl Core {
    /// Notes that a client's socket is open here. An older socket of the same device is told to close.
    ///
    /// # Errors
    /// `not_found` for an agent who does not exist any more; `dependency_unavailable`.
    pub async fn attached(&self, client: &Client) -> Result<(), Error> {
        let (owned, of) = (client.clone(), of_customer(client));
        let asks = of.clone().map(Foresight::Socket);
        let job = move |tx: &mut Tx<'_>, scene: &Scene, fx: &mut Effects| {
            if let Some(of) = &of {
                return came(tx, scene, (&owned, of), fx);
            }
            let replaced = lease::take(tx, &lease_of(&owned), scene.node, scene.now)?;
            arrived(tx, scene, asker::agent(&owned)?, fx)?;
            call::attached(tx, scene, &owned, fx)?;
            Ok(replaced)
        };
        let replaced = self.change_again(&client.tenant, (Course::Behind, asks), job).await?;
        if let Some(old) = replaced {
            let to = match &client.party {
                Party::Agent { agent, .. } => Recipient::Agent(client.tenant.clone(), agent.clone()),
                Party::Contact { contact, .. } => Recipient::Contact(client.tenant.clone(), *contact),
            };
            self.inner.parts.hub.publish(&to, &Hint::Replaced(old));
        }
        Ok(())
    }

    /// Whose the lease of a client's device is.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn holds(&self, client: &Client) -> Result<Holds, Error> {
        let lease = lease_of(client);
        let holder = self.scope(&client.tenant).read(move |tx| lease::holder(tx, &lease)).await.map_err(Error::from)?;
        Ok(match holder {
            None => Holds::Nobody,
            Some(connection) if connection == client.connection => Holds::This,
            Some(_) => Holds::Another,
        })
    }

    /// The connections of a client's party, on all nodes.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn connections_of(&self, client: &Client) -> Result<Vec<ConnectionId>, Error> {
        let participant = client.participant();
        Ok(self.scope(&client.tenant).read(move |tx| lease::of(tx, &participant)).await?)
    }

    /// Notes that a client's socket is closed, unless the device has opened a newer one. When it cannot be noted the
    /// lease ends by itself.
    pub async fn detached(&self, client: &Client) {
        let (owned, of) = (client.clone(), of_customer(client));
        let asks = of.clone().map(Foresight::Socket);
        let job = move |tx: &mut Tx<'_>, scene: &Scene, fx: &mut Effects| {
            if let Some(of) = &of {
                return went(tx, scene, of, fx);
            }
            if lease::release(tx, &lease_of(&owned))? {
                departed(tx, scene, asker::agent(&owned)?, fx)?;
                call::gone(tx, scene, (&owned.participant(), owned.device.as_str(), scene.now), fx)?;
            }
            Ok(())
        };
        let noted = self.change_again(&client.tenant, (Course::Behind, asks), job).await;
        if let Err(error) = noted {
            tracing::warn!(error = ?error, connection = %client.connection, "a lease is left to end by itself");
        }
    }
}
