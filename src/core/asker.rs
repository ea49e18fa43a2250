//! Who asks for a change, and the frame around every change: one transaction, then what it has to tell.

use super::effect::Effects;
use super::{Client, Core, Error, Party, Scene};
use crate::model::code::Code;
use crate::model::envelope::{Role, Sender};
use crate::model::id::{AgentId, TenantId};
use crate::store::conversation::{self, Conversation};
use crate::store::footing::Foresight;
use crate::store::{Course, Tx, session};

/// Does the work and keeps what it has to tell.
fn collect<T>(
    tx: &mut Tx<'_>,
    scene: &Scene,
    work: impl FnOnce(&mut Tx<'_>, &Scene, &mut Effects) -> Result<T, Error>,
) -> Result<(T, Effects), Error> {
    let mut effects = Effects::default();
    let done = work(tx, scene, &mut effects)?;
    Ok((done, effects))
}

impl Core {
    /// Runs `work` in one transaction and announces what it has to tell once that is committed.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&mut Tx<'_>, &Scene, &mut Effects) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let scene = self.scene(tenant)?;
        let done = self.scope(tenant).write(move |tx| collect(tx, &scene, work)).await;
        self.told(tenant, done)
    }

    /// As [`Core::change`], for work that may be run again after it was undone and does the same then: it costs less
    /// ([`Scope::repeat`](crate::store::Scope::repeat)).
    pub(super) async fn change_again<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        (course, asks): (Course, Option<Foresight>),
        work: impl Fn(&mut Tx<'_>, &Scene, &mut Effects) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let scene = self.scene(tenant)?;
        let done = self.scope(tenant).repeat(course, asks, move |tx| collect(tx, &scene, &work)).await;
        self.told(tenant, done)
    }

    /// Announces what a change has to tell, once its commit is known.
    fn told<T>(&self, tenant: &TenantId, done: Result<(T, Effects), Error>) -> Result<T, Error> {
        let (done, effects) = done.inspect_err(|error| self.doubt(tenant, error))?;
        self.announce(tenant, effects);
        Ok(done)
    }

    /// After a commit whose outcome is not known nobody was told anything: whoever works off rows looks at them.
    pub(super) fn doubt(&self, tenant: &TenantId, error: &Error) {
        if error.is_unknown() {
            self.inner.routes.ring(tenant);
            self.inner.deliveries.notify_one();
            self.inner.fetches.notify_one();
            self.inner.timers.notify_one();
            self.inner.turns.notify_one();
            self.inner.calls.notify_one();
        }
    }
}

/// The agent behind a client.
pub(super) fn agent(client: &Client) -> Result<&AgentId, Error> {
    match &client.party {
        Party::Agent { agent, .. } => Ok(agent),
        Party::Contact { .. } => Err(Error::new(Code::Forbidden, "仅限客服 / for agents only")),
    }
}

/// Who an agent's or a customer's words are from.
pub(super) fn sender(client: &Client) -> Sender {
    match &client.party {
        Party::Agent { agent, name, supervisor } => {
            let role = if *supervisor { Role::Supervisor } else { Role::Agent };
            Sender { role, id: agent.to_string(), name: Some(name.clone()) }
        }
        Party::Contact { contact, .. } => Sender { role: Role::Contact, id: contact.to_string(), name: None },
    }
}

/// Whether oversight is part of the client's role.
pub(super) fn supervises(client: &Client) -> bool {
    matches!(client.party, Party::Agent { supervisor: true, .. })
}

/// The conversation of the customer behind a client.
pub(super) fn own_conversation(tx: &mut Tx<'_>, client: &Client) -> Result<Conversation, Error> {
    let Party::Contact { contact, account } = &client.party else {
        return Err(Error::new(Code::Forbidden, "仅限访客 / for visitors only"));
    };
    let conv = session::conversation_of(tx, *contact, account)?.ok_or_else(Error::not_found)?;
    conversation::find(tx, conv)?.ok_or_else(Error::not_found)
}
