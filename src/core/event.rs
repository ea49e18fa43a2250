//! Telling other modules: an event becomes a row of the transaction that it reports. Knows no bus.

use super::{Error, Scene};
use crate::model::envelope::Envelope;
use crate::model::event::{Details, Occurrence, Subject};
use crate::model::id::MessageId;
use crate::store::{Tx, outbox, session};

/// Writes an event for other modules into the transaction. Those of a session are numbered.
pub(crate) fn emit<D: Details>(tx: &mut Tx<'_>, scene: &Scene, details: &D) -> Result<(), Error> {
    let sequence = match details.subject() {
        Subject::Session(session) => Some(session::next_event(tx, session)?),
        _ => None,
    };
    write(tx, scene, details, MessageId::generate(scene.now), sequence)
}

/// Writes the event of an accepted message: its id is the message's, its number the place in the log.
pub(super) fn accepted(tx: &mut Tx<'_>, scene: &Scene, envelope: &Envelope) -> Result<(), Error> {
    write(tx, scene, envelope, envelope.id, Some(envelope.seq))
}

fn write<D: Details>(
    tx: &mut Tx<'_>,
    scene: &Scene,
    details: &D,
    id: MessageId,
    sequence: Option<i64>,
) -> Result<(), Error> {
    let event = Occurrence {
        tenant: tx.tenant().clone(),
        id: id.to_string(),
        kind: D::KIND.into(),
        subject: details.subject().to_string(),
        session: details.session().map(|session| session.to_string()),
        sequence,
        node: scene.node.to_string(),
        at: scene.now,
        data: serde_json::to_string(details).map_err(Error::internal)?.into(),
    };
    Ok(outbox::add(tx, &event)?)
}
