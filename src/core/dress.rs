//! Envelopes on their way to clients: blobs get a signed address, which is never stored.

use std::sync::Arc;

use super::Core;
use crate::hub::{Hint, Recipient};
use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ContactId, TenantId};

impl Core {
    /// The envelopes as clients get them.
    pub(super) fn dressed(&self, envelopes: Vec<Envelope>) -> Vec<Arc<Envelope>> {
        envelopes.into_iter().map(|envelope| self.dress(Arc::new(envelope))).collect()
    }

    /// The envelope as clients get it. Copies only what carries a blob that is here.
    pub(super) fn dress(&self, envelope: Arc<Envelope>) -> Arc<Envelope> {
        if envelope.content.media().is_none_or(|media| media.size.is_none()) {
            return envelope;
        }
        let mut copy = Arc::unwrap_or_clone(envelope);
        self.signer().dress(&mut copy);
        Arc::new(copy)
    }

    /// Tells the customer's sockets, if they may see it, and the agents who follow.
    pub(super) fn tell_message(
        &self,
        tenant: &TenantId,
        envelope: Arc<Envelope>,
        contact: Option<ContactId>,
        agents: Vec<AgentId>,
    ) {
        let hint = Hint::Message(self.dress(envelope));
        if let Some(contact) = contact {
            self.hub().publish(&Recipient::Contact(tenant.clone(), contact), &hint);
        }
        for agent in agents {
            self.hub().publish(&Recipient::Agent(tenant.clone(), agent), &hint);
        }
    }
}
