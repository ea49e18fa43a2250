//! Telling other modules: an event becomes a row of the transaction that it reports. Knows no bus.

use super::{Core, Error, Scene};
use crate::model::envelope::Envelope;
use crate::model::event::node::{Draining, Up};
use crate::model::event::{Details, Occurrence, Subject};
use crate::model::id::{MessageId, NodeId, TenantId};
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::{Tx, outbox, session};

/// In place of a tenant: no declared one begins like this.
const OF_NO_TENANT: &str = "_";

/// Writes an event for other modules, if there may be any, into the transaction. Those of a session are numbered.
pub(crate) fn emit<D: Details>(tx: &mut Tx<'_>, scene: &Scene, details: &D) -> Result<(), Error> {
    if !scene.is_heard {
        return Ok(());
    }
    let sequence = match details.subject() {
        Subject::Session(session) => Some(session::next_event(tx, session)?),
        _ => None,
    };
    write(tx, scene, details, MessageId::generate(scene.now), sequence)
}

/// Writes the event of an accepted message: its id is the message's, its number the place in the log.
pub(super) fn accepted(tx: &mut Tx<'_>, scene: &Scene, envelope: &Envelope) -> Result<(), Error> {
    if scene.is_heard { Ok(outbox::add_message(tx, envelope, scene.node)?) } else { Ok(()) }
}

fn write<D: Details>(
    tx: &mut Tx<'_>,
    scene: &Scene,
    details: &D,
    id: MessageId,
    sequence: Option<i64>,
) -> Result<(), Error> {
    let event = Occurrence { sequence, ..occurrence(tx.tenant(), details, (id, scene.node, scene.now))? };
    Ok(outbox::add(tx, &event)?)
}

fn occurrence<D: Details>(
    tenant: &TenantId,
    details: &D,
    (id, node, at): (MessageId, NodeId, Millis),
) -> Result<Occurrence, Error> {
    Ok(Occurrence {
        tenant: tenant.clone(),
        id: id.to_string(),
        kind: D::KIND.into(),
        subject: details.subject().to_string(),
        session: details.session().map(|session| session.to_string()),
        sequence: None,
        node: node.to_string(),
        at,
        data: serde_json::to_string(details).map_err(Error::internal)?.into(),
    })
}

impl Core {
    /// An event that is told on the spot, not with a change of rows: `tenant` is whom it is about.
    pub(super) fn occurrence<D: Details>(&self, tenant: &TenantId, details: &D) -> Result<Occurrence, Error> {
        let now = self.clock().now();
        occurrence(tenant, details, (MessageId::generate(now), self.node(), now))
    }

    /// Tells that this process serves, and, when `stop` comes, that it ends. A process that dies tells nothing.
    pub async fn run_node_events(&self, stop: Stop) {
        let node = self.node();
        self.tell_of_node(&Up { node, version: env!("CARGO_PKG_VERSION").into() }).await;
        stop.cancelled().await;
        self.tell_of_node(&Draining { node }).await;
    }

    async fn tell_of_node<D: Details>(&self, details: &D) {
        if !self.inner.parts.is_heard {
            return;
        }
        let told = async {
            let nobody = TenantId::parse(OF_NO_TENANT)?;
            let event = self.occurrence(&nobody, details)?;
            self.store().sweep(move |conn| outbox::add(&mut Tx::bind(conn, &nobody), &event).map_err(Error::from)).await
        };
        if let Err(error) = told.await {
            tracing::warn!(error = ?error, event = D::KIND, "other modules are not told");
        }
    }
}
