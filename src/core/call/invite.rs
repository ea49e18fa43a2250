//! Calling the other side: who may, and what happens when both do at once.

use std::time::Duration;

use serde_json::Value;

use super::push::{self, CallPush, Ring};
use super::settle::{finish, progress, watch};
use super::{busy, gone_error, joined, limits, policy, reach, side, step};
use crate::core::asker::{self, own_conversation};
use crate::core::effect::{Effect, Effects};
use crate::core::event::emit;
use crate::core::session::{contact_here, home};
use crate::core::transfer::held;
use crate::core::view::contact_view;
use crate::core::{Client, Core, Error, Scene};
use crate::model::call::{Author, Call as Life, Media, Move, Pair, Reason, Side};
use crate::model::code::Code;
use crate::model::envelope::ChannelKind;
use crate::model::event::call::Invited;
use crate::model::id::{AgentId, CallId, SessionId};
use crate::model::session::State;
use crate::store::call::{self as store, Call, Tally};
use crate::store::session::{self as sessions, Session};
use crate::store::{Tx, agent};

/// Calls of one session in a minute.
const PER_MINUTE: i64 = 10;

/// Whether the tenant lets this client call, with such media.
pub(super) fn permitted(scene: &Scene, client: &Client, media: Media) -> Result<(), Error> {
    let policy = policy(scene)?;
    // Who holds a link was asked to call.
    if !client.calls_only && !policy.may_start(side(client)) {
        return Err(Error::new(Code::Forbidden, "不可发起通话 / you may not start a call"));
    }
    if media.video && !policy.video {
        return Err(Error::new(Code::Forbidden, "未开通视频 / there is no video here"));
    }
    Ok(())
}

/// What an invitation has come to.
pub(super) enum Outcome {
    /// It rings, or the other side's invitation was accepted.
    Rings(Box<Call>),
    /// The agent talks to another customer: the call is over already.
    Busy,
}

/// The session that a client may call in now, and its agent.
fn served(tx: &mut Tx<'_>, client: &Client, id: Option<SessionId>) -> Result<(Session, AgentId), Error> {
    let session = match side(client) {
        Side::Agent => held(tx, asker::agent(client)?, id.ok_or_else(|| super::bad("session 必填 / is required"))?)?,
        Side::Contact => {
            let conversation = own_conversation(tx, client)?;
            let open = sessions::open_of(tx, conversation.conv)?;
            open.ok_or_else(|| Error::new(Code::SessionEnded, "会话已结束 / the session has ended"))?
        }
    };
    match (session.state, session.holder.agent()) {
        (State::Active, Some(agent)) => Ok((session.clone(), agent.clone())),
        _ => Err(Error::new(Code::NoAgent, "没有坐席在接待 / no agent serves this session")),
    }
}

/// A new call of a session, with the names that both sides read.
fn drawn_up(tx: &mut Tx<'_>, scene: &Scene, session: &Session, agent_id: &AgentId, life: Life) -> Result<Call, Error> {
    let conversation = home(tx, session)?;
    let name = agent::find(tx, agent_id)?.map(|agent| agent.name).unwrap_or_default();
    let names = Pair { agent: name, contact: contact_view(tx, &conversation)?.name };
    let tally = Tally { wanted: life.media, names, ..Tally::default() };
    Ok(Call {
        call: CallId::generate(scene.now),
        session: session.session,
        conv: session.conv,
        contact: conversation.contact,
        agent: agent_id.clone(),
        life,
        tally,
        version: 1,
    })
}

/// A new call, written.
pub(super) fn made(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    agent_id: &AgentId,
    life: Life,
) -> Result<Call, Error> {
    let call = drawn_up(tx, scene, session, agent_id, life)?;
    store::insert(tx, &call).map_err(|error| if error.is_duplicate() { busy() } else { error.into() })?;
    Ok(call)
}

/// What becomes of an invitation where the session has a live call.
fn meets(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    (mut call, media): (Call, Media),
    fx: &mut Effects,
) -> Result<Call, Error> {
    let side = side(client);
    let life = &call.life;
    match (life.rings(), life.caller == side) {
        // The same invitation again: its answer was lost.
        (true, true) if life.takes_part(side, &client.device) => Ok(call),
        // The other side calls at the same time: both want to.
        (true, false) => {
            step(tx, scene, &mut call, Move::Accept(client.device.clone(), media), fx)?;
            Ok(call)
        }
        _ => Err(busy()),
    }
}

/// Whether a session has had enough calls for now.
fn too_many(tx: &mut Tx<'_>, scene: &Scene, session: &Session) -> Result<bool, Error> {
    Ok(store::begun(tx, session.session, scene.now.minus(Duration::from_secs(60)))? >= PER_MINUTE)
}

/// The agent of a session talks to another customer. A customer who calls meanwhile leaves a call that was over at once: its
/// record, and a line in the log; whoever is talking is not disturbed. One who calls again and again leaves no more.
fn found_busy(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    (session, agent, media): (&Session, &AgentId, Media),
    fx: &mut Effects,
) -> Result<Outcome, Error> {
    if side(client) == Side::Agent || too_many(tx, scene, session)? {
        return Err(busy());
    }
    let mut life = Life::invited(Side::Contact, client.device.clone(), media, scene.now);
    let over = Move::Over(Reason::Busy, Author::System);
    life.step(over, scene.now, &limits(scene)).map_err(|_over| gone_error())?;
    let call = drawn_up(tx, scene, session, agent, life)?;
    store::insert(tx, &call)?;
    emit(tx, scene, &Invited(progress(&call)))?;
    if let Some(end) = call.life.end {
        finish(tx, scene, &call, end, fx)?;
    }
    Ok(Outcome::Busy)
}

/// Calls the other side of a session; when that side is calling already, its call is accepted.
pub(super) fn invite(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    (id, media): (Option<SessionId>, Media),
    fx: &mut Effects,
) -> Result<Outcome, Error> {
    permitted(scene, client, media)?;
    let (session, agent) = served(tx, client, id)?;
    if let Some(live) = store::of_session(tx, session.session)? {
        return meets(tx, scene, client, (live, media), fx).map(Box::new).map(Outcome::Rings);
    }
    let media = Media { audio: true, ..media };
    if store::of_agent(tx, &agent)?.is_some() {
        return found_busy(tx, scene, client, (&session, &agent, media), fx);
    }
    // An agent who calls is at a console.
    if side(client) == Side::Contact {
        reach::reachable(tx, scene, &agent)?;
    }
    let conversation = home(tx, &session)?;
    if conversation.kind != ChannelKind::Web && !contact_here(tx, &conversation)? {
        let words = "此渠道不能直接呼叫，请发送通话链接 / cannot be called on this channel, send a link";
        return Err(Error::new(Code::UnsupportedType, words));
    }
    if too_many(tx, scene, &session)? {
        let error = Error::new(Code::RateLimited, "呼叫过于频繁 / too many calls");
        return Err(Error { after_ms: Some(60_000), ..error });
    }
    let life = Life::invited(side(client), client.device.clone(), media, scene.now);
    let call = made(tx, scene, &session, &agent, life)?;
    watch(tx, scene, None, &call, fx)?;
    emit(tx, scene, &Invited(progress(&call)))?;
    let caller = call.life.caller;
    let ring = CallPush::Ring(Box::new(Ring::of(scene, &call)));
    fx.push(Effect::Call(Box::new(push::to_all(&call, caller.other(), ring))));
    fx.push(Effect::Call(Box::new(push::to_others(&call, caller, push::state(scene, &call, caller)))));
    Ok(Outcome::Rings(Box::new(call)))
}

impl Core {
    /// Calls the other side of a session on all its devices. When that side is calling already, its call is accepted.
    ///
    /// # Errors
    /// `call_busy`, `forbidden`, `no_agent`, `not_in_control`, `session_ended`, `unsupported_type`, `rate_limited`.
    pub(super) async fn invite(
        &self,
        client: &Client,
        session: Option<SessionId>,
        media: Media,
    ) -> Result<Value, Error> {
        let owned = client.clone();
        let reply = self.change(&client.tenant, move |tx, scene, fx| {
            Ok(match invite(tx, scene, &owned, (session, media), fx)? {
                Outcome::Rings(call) => Some(joined(scene, &call, side(&owned))?),
                Outcome::Busy => None,
            })
        });
        // That it was busy is kept, so that is no error inside.
        reply.await?.ok_or_else(busy)
    }
}
