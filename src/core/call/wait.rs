//! Customers who wait for an agent who takes calls: the call begins when one accepts.

use serde_json::Value;

use super::invite::{made, permitted};
use super::push::{self, CallPush, Start};
use super::settle::{progress, watch};
use super::{bad, busy, policy, reach};
use crate::core::effect::{Effect, Effects};
use crate::core::event::emit;
use crate::core::{Client, Core, Error, Party, Scene, handoff};
use crate::model::call::{Call as Life, Media, Side};
use crate::model::event::call::{Accepted, Invited};
use crate::model::id::{AgentId, QueueId, SessionId};
use crate::store::Tx;
use crate::store::call::{self as store, wish};
use crate::store::session::Session;

/// Whether a session waits for a call, and with what.
pub(in crate::core) fn wants(tx: &mut Tx<'_>, scene: &Scene, session: SessionId) -> Result<Option<Media>, Error> {
    match &scene.tenant.call {
        Some(_) => Ok(wish::find(tx, session)?.map(|(_, media)| media)),
        None => Ok(None),
    }
}

/// The customer no longer waits for a call.
pub(super) fn forget(tx: &mut Tx<'_>, session: SessionId) -> Result<(), Error> {
    Ok(wish::forget(tx, session)?)
}

/// An agent takes a session whose customer waits for a call: it is there without ringing.
///
/// # Errors
/// `no_agent` when the call cannot be taken there, `call_busy` when the agent is in another one.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (client, agent): (&Client, &AgentId),
    session: &Session,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some((device, media)) = wish::find(tx, session.session)? else { return Ok(()) };
    // Whoever cannot take the call does not get the session either: the customer goes on waiting for somebody who can.
    reach::takes(scene, client, agent)?;
    if store::of_agent(tx, agent)?.is_some() {
        return Err(busy());
    }
    wish::forget(tx, session.session)?;
    let life = Life::agreed(device, client.device.clone(), media, scene.now);
    let call = made(tx, scene, session, agent, life)?;
    watch(tx, scene, None, &call, fx)?;
    emit(tx, scene, &Invited(progress(&call)))?;
    emit(tx, scene, &Accepted(progress(&call)))?;
    let policy = policy(scene)?;
    for side in Side::BOTH {
        let start = CallPush::Start(Box::new(Start::of(scene, policy, &call, side)));
        fx.push(Effect::Call(Box::new(push::to_device(&call, side, start))));
        fx.push(Effect::Call(Box::new(push::to_others(&call, side, push::state(scene, &call, side)))));
    }
    Ok(())
}

impl Core {
    /// A customer waits for an agent who takes calls; without a wish in the first queue that is meant for such calls.
    ///
    /// # Errors
    /// As for `handoff`; `forbidden` where the tenant does not allow it.
    pub(super) async fn wait_for_call(
        &self,
        client: &Client,
        media: Media,
        queue: Option<QueueId>,
    ) -> Result<Value, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            if !matches!(owned.party, Party::Contact { .. }) {
                return Err(bad("仅限访客 / for visitors only"));
            }
            permitted(scene, &owned, media)?;
            let meant = || scene.tenant.queues.iter().find(|queue| queue.video).map(|queue| queue.id.clone());
            let view = handoff::ask(tx, scene, &owned, queue.or_else(meant), fx)?;
            wish::keep(tx, view.session, &owned.device, media)?;
            serde_json::to_value(&view).map_err(Error::internal)
        })
        .await
    }
}
