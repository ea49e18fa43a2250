//! Which agents are there: they come and go with their sockets, they choose, and whoever stays away too long loses the sessions.

use super::effect::{AgentView, Effect, Effects, Push};
use super::event::emit;
use super::timer::{self, Kind};
use super::view::agent_view;
use super::{Client, Core, Error, Scene, asker, handoff, offer};
use crate::model::assignment::State as Share;
use crate::model::code::Code;
use crate::model::event::agent::{CapacityChanged, Grace, Login, Logout, Lost, StatusChanged};
use crate::model::id::AgentId;
use crate::model::label::label;
use crate::model::presence::{Presence, Status};
use crate::store::agent::Agent;
use crate::store::{Tx, agent, assignment, lease};

/// Chats at a time that an agent may choose at most.
const CAPACITY_MAX: i32 = 200;

/// Pushes an agent's state to colleagues.
pub(super) fn show(tx: &mut Tx<'_>, who: &AgentId, fx: &mut Effects) -> Result<(), Error> {
    if let Some(agent) = agent::find(tx, who)? {
        fx.push(Effect::Agents(Push::Presence(agent_view(&agent))));
    }
    Ok(())
}

/// An agent's socket opened.
pub(super) fn arrived(tx: &mut Tx<'_>, scene: &Scene, who: &AgentId, fx: &mut Effects) -> Result<(), Error> {
    let agent = agent::find(tx, who)?.ok_or_else(Error::not_found)?;
    timer::cancel(tx, &[Kind::AgentGrace], who)?;
    if !agent::set_online(tx, who, true)? {
        return Ok(());
    }
    let status = agent.presence.status_on_arrival();
    if status != agent.presence.status {
        agent::set_status(tx, who, status, None)?;
        emit(tx, scene, &Login { agent: who.clone(), status })?;
    }
    show(tx, who, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// An agent's socket closed; when it was the last one, the grace begins.
pub(super) fn departed(tx: &mut Tx<'_>, scene: &Scene, who: &AgentId, fx: &mut Effects) -> Result<(), Error> {
    if lease::any(tx, &format!("agent:{who}"))? || !agent::set_online(tx, who, false)? {
        return Ok(());
    }
    let due = scene.now.plus(scene.tenant.policy.agent_grace);
    timer::set(tx, Kind::AgentGrace, who, due, fx)?;
    emit(tx, scene, &Grace { agent: who.clone(), until: due })?;
    show(tx, who, fx)
}

/// The grace is over: the agent is offline and the sessions go back to the head of their queues.
pub(super) fn given_up(tx: &mut Tx<'_>, scene: &Scene, who: &AgentId, fx: &mut Effects) -> Result<(), Error> {
    let Some(agent) = agent::find(tx, who)?.filter(|agent| !agent.presence.online) else { return Ok(()) };
    if agent.presence.signed_in() {
        agent::set_status(tx, who, Status::Offline, Some("connection_lost"))?;
        emit(tx, scene, &Lost { agent: who.clone() })?;
    }
    offer::revoke_all(tx, scene, who, fx)?;
    for share in assignment::of_agent(tx, who)?.into_iter().filter(|share| share.state == Share::Active) {
        handoff::requeue(tx, scene, &share, handoff::Back::AgentLost, fx)?;
    }
    show(tx, who, fx)
}

/// What an agent asks for with `presence.set`, checked.
pub(super) struct Choice {
    status: Option<Status>,
    reason: Option<String>,
    capacity: Option<i32>,
}

impl Choice {
    pub(super) fn parse(status: Option<&str>, reason: Option<String>, capacity: Option<i32>) -> Result<Self, Error> {
        let bad = |what: &str| Error::new(Code::BadRequest, what);
        let known = |text| Status::parse(text).ok_or_else(|| bad("状态不存在 / no such status"));
        let status = status.map(known).transpose()?;
        if capacity.is_some_and(|capacity| !(0..=CAPACITY_MAX).contains(&capacity)) {
            return Err(bad("接待上限应为 0–200 / capacity out of range"));
        }
        let reason = reason.map(|reason| label(&reason, 64));
        Ok(Self { status, reason: reason.filter(|reason| !reason.is_empty()), capacity })
    }
}

/// Tells what a choice has changed. Coming to work and leaving it are told as such, too.
fn told(tx: &mut Tx<'_>, scene: &Scene, before: Presence, now: &Agent, choice: &Choice) -> Result<(), Error> {
    let (who, reason) = (&now.agent, now.reason.clone());
    let Presence { status, load, capacity, .. } = now.presence;
    let previous = before.status;
    if choice.status.is_some() {
        let changed = StatusChanged { agent: who.clone(), status, reason: reason.clone(), previous, load, capacity };
        emit(tx, scene, &changed)?;
    }
    match (previous, status) {
        (Status::Offline, Status::Offline) => {}
        (Status::Offline, _) => emit(tx, scene, &Login { agent: who.clone(), status })?,
        (_, Status::Offline) => emit(tx, scene, &Logout { agent: who.clone(), reason })?,
        _ => {}
    }
    if capacity != before.capacity {
        let (agent, previous) = (who.clone(), before.capacity);
        emit(tx, scene, &CapacityChanged { agent, capacity, previous, load })?;
    }
    Ok(())
}

/// Writes what an agent chose, or what an order chose for the agent.
pub(super) fn choose(
    tx: &mut Tx<'_>,
    scene: &Scene,
    who: &AgentId,
    choice: &Choice,
    fx: &mut Effects,
) -> Result<AgentView, Error> {
    let before = agent::find(tx, who)?.ok_or_else(Error::not_found)?.presence;
    if let Some(status) = choice.status {
        agent::set_status(tx, who, status, choice.reason.as_deref())?;
    }
    if let Some(capacity) = choice.capacity {
        agent::set_capacity(tx, who, capacity)?;
    }
    if choice.status.is_some_and(|status| status != Status::Ready) {
        offer::revoke_all(tx, scene, who, fx)?;
    }
    let agent = agent::find(tx, who)?.ok_or_else(Error::not_found)?;
    let view = agent_view(&agent);
    told(tx, scene, before, &agent, choice)?;
    fx.push(Effect::Agents(Push::Presence(view.clone())));
    fx.push(Effect::Route);
    Ok(view)
}

impl Core {
    /// Chooses a status, and how many chats at a time. What is offered is taken back unless the agent is ready; what
    /// is being answered goes on, also above a lowered capacity.
    ///
    /// # Errors
    /// `bad_request` for an unknown status or an impossible capacity.
    pub(crate) async fn presence_set(
        &self,
        client: &Client,
        status: &str,
        reason: Option<String>,
        capacity: Option<i32>,
    ) -> Result<AgentView, Error> {
        let who = asker::agent(client)?.clone();
        let choice = Choice::parse(Some(status), reason, capacity)?;
        self.change(&client.tenant, move |tx, scene, fx| choose(tx, scene, &who, &choice, fx)).await
    }
}
