//! Who asks for a change, and the frame around every change: one transaction, then what it has to tell, whoever still waits.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

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
        let (scene, scope) = (self.scene(tenant)?, self.scope(tenant));
        let asked = async move { scope.write(move |tx| collect(tx, &scene, work)).await };
        self.hear(tenant, asked).await
    }

    /// As [`Core::change`], for work that may be run again after it was undone and does the same then: it costs less
    /// ([`Scope::repeat`](crate::store::Scope::repeat)).
    pub(super) async fn change_again<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        (course, asks): (Course, Option<Foresight>),
        work: impl Fn(&mut Tx<'_>, &Scene, &mut Effects) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (scene, scope) = (self.scene(tenant)?, self.scope(tenant));
        let asked = async move { scope.repeat(course, asks, move |tx| collect(tx, &scene, &work)).await };
        self.hear(tenant, asked).await
    }

    /// Waits for a change and announces what it has to tell once its commit is known: also when whoever asked for it stops
    /// waiting, for it may be committed all the same, and nobody asks for it again who would be told.
    pub(super) async fn hear<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        asked: impl Future<Output = Result<(T, Effects), Error>> + Send + 'static,
    ) -> Result<T, Error> {
        Hearing { core: self, tenant, asked: Some(Box::pin(asked)) }.await
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

/// A change that is waited for. Dropped before its end, it is waited for by a task of its own.
struct Hearing<'a, T: Send + 'static> {
    core: &'a Core,
    tenant: &'a TenantId,
    asked: Option<BoxFuture<'static, Result<(T, Effects), Error>>>,
}

impl<T: Send + 'static> Future for Hearing<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(asked) = &mut self.asked else { return Poll::Pending };
        let done = ready!(asked.as_mut().poll(context));
        self.asked = None;
        Poll::Ready(self.core.told(self.tenant, done))
    }
}

impl<T: Send + 'static> Drop for Hearing<'_, T> {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        // Without a runtime the process is ending, and all look at the rows when the next one begins.
        let Ok(runtime) = Handle::try_current() else { return };
        let (core, tenant) = (self.core.clone(), self.tenant.clone());
        runtime.spawn(async move {
            if let Err(error) = core.told(&tenant, asked.await) {
                tracing::warn!(%tenant, error = ?error, "a change that nobody waits for any more failed");
            }
        });
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
