//! Envelopes on their way to clients: blobs get a signed address, which is never stored.

use std::sync::Arc;

use super::Core;
use crate::hub::{Hint, Recipient};
use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ContactId, TenantId};

impl Core {
    /// The envelopes as clients get them.
    pub(super) fn dressed(&self, envelopes: Vec<Envelope>) -> Vec<Arc<Envelope>> {
        envelopes.into_iter().map(Arc::new).collect()
    }

    /// Tells the customer's sockets, if they may see it, and the agents who follow.
    pub(super) fn tell_message(
        &self,
        tenant: &TenantId,
        envelope: Arc<Envelope>,
        contact: Option<ContactId>,
        agents: Vec<AgentId>,
    ) {
        let hint = Hint::Message(envelope);
        if let Some(contact) = contact {
            self.hub().publish(&Recipient::Contact(tenant.clone(), contact), &hint);
        }
        for agent in agents {
            self.hub().publish(&Recipient::Agent(tenant.clone(), agent), &hint);
        }
    }
}
