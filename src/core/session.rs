//! A service episode from the customer's first word: opening, greeting, who may speak, silence. Knows no queue order.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Effects, Push, WindowView};
use super::event::emit;
use super::silence::{self, Deadlines};
use super::switchboard::{Draft, append, prompt};
use super::timer::{self, Kind};
use super::view::{Around, Viewer, session_view};
use super::{Error, Scene, ending, flow, handoff, leave, robot};
use crate::config::{Bug, planted};
use crate::flow::State as Service;
use crate::flow::trigger::Event;
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::dialogue::Reason;
use crate::model::envelope::{ChannelKind, Envelope, Visibility};
use crate::model::event::Details;
use crate::model::event::contact::Gone;
use crate::model::event::session::Created;
use crate::model::id::{AgentId, ConversationId, SessionId};
use crate::model::session::{EndedBy, Holder, Move, State, means_cancel};
use crate::store::conversation::{self, Conversation};
use crate::store::session::{self as store, Session};
use crate::store::{Tx, lease};
use crate::template::Prompt;
use crate::tenant::PerChannel;

/// A duration as events tell it.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The error for whoever worked on what somebody else has just changed.
pub(super) fn conflict() -> Error {
    Error::new(Code::Conflict, "状态已变化，请刷新 / it has changed meanwhile")
}

/// The duration for a kind of channel.
pub(super) fn by_channel(times: PerChannel, kind: ChannelKind) -> Duration {
    match kind {
        ChannelKind::Wechat => times.wechat,
        ChannelKind::Web | ChannelKind::Xmpp => times.web,
    }
}

/// Takes a step that the state must allow.
pub(super) fn step(session: &mut Session, step: Move) -> Result<(), Error> {
    session.step(step).map_err(|refused| match refused.0 {
        State::Ended => Error::new(Code::SessionEnded, "会话已结束 / the session has ended"),
        _ => conflict(),
    })
}

/// Writes a changed session; whoever changed it meanwhile wins.
pub(super) fn save(tx: &mut Tx<'_>, session: &mut Session) -> Result<(), Error> {
    if store::save(tx, session)? { Ok(()) } else { Err(conflict()) }
}

/// The conversation of a session.
pub(super) fn home(tx: &mut Tx<'_>, session: &Session) -> Result<Conversation, Error> {
    conversation::find(tx, session.conv)?.ok_or_else(Error::not_found)
}

/// Says one of the tenant's texts in a session.
pub(super) fn say(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    text: &Prompt<'_>,
    fx: &mut Effects,
) -> Result<(), Error> {
    prompt(tx, scene, session.conv, Some(session.session), text, fx).map(drop)
}

/// Writes what happened into the log, for agents' eyes, and tells other modules.
pub(super) fn record<D: Details>(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    details: &D,
    fx: &mut Effects,
) -> Result<(), Error> {
    let data = serde_json::to_value(details).map_err(Error::internal)?;
    let content = Content::Event { name: D::KIND.to_owned(), data };
    let mut draft = Draft::system(session.conv, Some(session.session), content);
    draft.visibility = Visibility::Agents;
    draft.control_epoch = session.control_epoch;
    append(tx, scene, draft, fx)?;
    emit(tx, scene, details)
}

/// Pushes a session's snapshot to its agents and to the customer, if a socket can reach them.
pub(super) fn tell(tx: &mut Tx<'_>, session: &Session, fx: &mut Effects) -> Result<(), Error> {
    let around = Around::read(tx, session)?;
    for agent in around.agents() {
        let view = session_view(session, &around, Viewer::Agent(agent));
        fx.push(Effect::Agent(agent.clone(), Push::Session(Box::new(view))));
    }
    let conversation = home(tx, session)?;
    if conversation.kind != ChannelKind::Wechat {
        let view = session_view(session, &around, Viewer::Contact(conversation.contact));
        fx.push(Effect::Contact(conversation.contact, Push::Session(Box::new(view))));
    }
    Ok(())
}

/// The conversation's open session.
pub(crate) fn current(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Option<Session>, Error> {
    Ok(store::open_of(tx, conv)?)
}

/// The open session of a conversation, or a new one.
pub(crate) fn ensure_open(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    fx: &mut Effects,
) -> Result<Session, Error> {
    match store::open_of(tx, conversation.conv)? {
        Some(open) => Ok(open),
        None => open(tx, scene, conversation, fx),
    }
}

/// A new session of a conversation that has none open. A customer who comes back soon enough continues with the
/// agent of the last one, if that agent is there.
pub(crate) fn open(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    fx: &mut Effects,
) -> Result<Session, Error> {
    let mut new = Session::started(SessionId::generate(scene.now), conversation.conv, scene.now);
    let window = by_channel(scene.tenant.policy.reopen, conversation.kind);
    if let Some(last) = store::latest_of(tx, conversation.conv)? {
        // What was meant for the last one and comes late is refused, also when the same agent answers this one.
        new.control_epoch = last.control_epoch;
        if last.ended.as_ref().is_some_and(|end| scene.now.since(end.at) <= window) {
            new.reopened_from = Some(last.session);
            new.last_agent = last.last_agent;
        }
    }
    store::insert(tx, &new)?;
    timer::set(tx, Kind::SessionMax, new.session, scene.now.plus(scene.tenant.policy.session_max), fx)?;
    let idle = by_channel(scene.tenant.policy.contact_idle_close, conversation.kind);
    timer::set(tx, Kind::IdleClose, new.session, scene.now.plus(idle), fx)?;
    let created = Created {
        session: new.session,
        conv: new.conv,
        contact: conversation.contact,
        channel: conversation.kind,
        account: conversation.account.clone(),
        reopened_from: new.reopened_from,
    };
    emit(tx, scene, &created)?;
    Ok(new)
}

/// Greets the customer, once per session.
pub(crate) fn greet(tx: &mut Tx<'_>, scene: &Scene, session: &mut Session, fx: &mut Effects) -> Result<(), Error> {
    if session.greeted || session.state != State::New {
        return Ok(());
    }
    session.greeted = true;
    save(tx, session)?;
    match &scene.tenant.robot {
        Some(robot) => say(tx, scene, session, &Prompt::RobotGreeting { robot: &robot.name }, fx),
        None => say(tx, scene, session, &Prompt::Greeting, fx),
    }
}

/// The customer said something that is in the log now: whoever holds the control is given the turn.
pub(crate) fn contact_said(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (mut session, deadlines): (Session, Deadlines),
    envelope: &Arc<Envelope>,
    fx: &mut Effects,
) -> Result<(), Error> {
    match (&session.state, &session.holder) {
        (State::New, _) => first_words(tx, scene, &mut session, envelope, fx),
        (State::Bot, Holder::Robot) => robot::hear(tx, scene, &mut session, envelope, fx),
        (State::Bot, Holder::Flow) => flow::hear(tx, scene, &mut session, envelope, fx),
        (State::Bot, Holder::LeaveMessage) => leave::keep(tx, scene, &mut session, envelope, None, fx),
        (State::Queued, _) if matches!(&envelope.content, Content::Text { text } if means_cancel(text)) => {
            handoff::cancel(tx, scene, &mut session, fx)
        }
        (State::Active, holder) => {
            if let (Some(agent), Some(_)) = (holder.agent(), &scene.tenant.robot) {
                fx.push(Effect::Suggest(agent.clone(), Arc::clone(envelope)));
            }
            silence::broken(tx, deadlines, session.session)
        }
        _ => Ok(()),
    }
}

/// The first words of a session that nobody has taken up: a form that they begin, the robot, or else a person.
fn first_words(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    envelope: &Envelope,
    fx: &mut Effects,
) -> Result<(), Error> {
    greet(tx, scene, session, fx)?;
    let words = match &envelope.content {
        Content::Text { text } => text.as_str(),
        _ => "",
    };
    if flow::happens(tx, scene, session, Event::Text(words), fx)? {
        return Ok(());
    }
    if robot::begin(tx, scene, session, fx)? {
        return robot::hear(tx, scene, session, envelope, fx);
    }
    let queue = handoff::named(scene, words);
    handoff::enqueue(tx, scene, session, queue.as_ref(), fx)
}

/// Tells the agent who answers what the channel lets us send now.
pub(crate) fn show_window(session: &Session, conversation: &Conversation, fx: &mut Effects) {
    if let (ChannelKind::Wechat, Some(agent)) = (conversation.kind, session.holder.agent()) {
        let view = WindowView { conv: conversation.conv, window: conversation.window };
        fx.push(Effect::Agent(agent.clone(), Push::Window(view)));
    }
}

/// The session in which an agent may speak to the customer now, of the open one of the conversation. `epoch` is what the
/// agent last saw.
///
/// # Errors
/// `session_ended`, `not_in_control`, `stale_epoch`.
pub(crate) fn agent_speaks(open: Option<Session>, agent: &AgentId, epoch: Option<i64>) -> Result<Session, Error> {
    let Some(session) = open else {
        return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended"));
    };
    if planted(Bug::StaleEpoch) {
        return Ok(session);
    }
    if session.holder.agent() != Some(agent) {
        return Err(Error::new(Code::NotInControl, "会话不由您接待 / another party answers this session"));
    }
    if epoch.is_some_and(|epoch| epoch != session.control_epoch) {
        return Err(Error::new(Code::StaleEpoch, "会话已易手，请刷新 / the session changed hands"));
    }
    Ok(session)
}

/// An agent said something that is in the log now: it is the customer's turn.
pub(crate) fn agent_said(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    (mut session, deadlines): (Session, Deadlines),
    fx: &mut Effects,
) -> Result<(), Error> {
    if session.first_reply_at.is_none() {
        session.first_reply_at = Some(scene.now);
        save(tx, &mut session)?;
    }
    let warn = by_channel(scene.tenant.policy.contact_idle_warn, conversation.kind);
    silence::begins(tx, deadlines, (session.session, scene.now.plus(warn)), fx)
}

/// The customer followed the account: a session is open and greeted, nobody is bothered yet. A form may begin with it.
pub(crate) fn followed(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    code: Option<&str>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let mut session = ensure_open(tx, scene, conversation, fx)?;
    greet(tx, scene, &mut session, fx)?;
    let by_code = match code {
        Some(code) => flow::happens(tx, scene, &mut session, Event::Scene(code), fx)?,
        None => false,
    };
    if !by_code {
        flow::happens(tx, scene, &mut session, Event::Subscribe, fx)?;
    }
    Ok(())
}

/// The customer opened the widget: a session is open and greeted. A form may begin with it.
pub(crate) fn opened(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    fx: &mut Effects,
) -> Result<(), Error> {
    let mut session = ensure_open(tx, scene, conversation, fx)?;
    let fresh = session.state == State::New && !session.greeted;
    greet(tx, scene, &mut session, fx)?;
    if fresh {
        flow::happens(tx, scene, &mut session, Event::State(Service::Entry), fx)?;
    }
    Ok(())
}

/// The customer did something that a form may begin with. Who is served by a person is left alone.
pub(crate) fn triggered(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    event: Event<'_>,
    fx: &mut Effects,
) -> Result<(), Error> {
    if scene.flows.started_by(event).is_none() {
        return Ok(());
    }
    let mut session = ensure_open(tx, scene, conversation, fx)?;
    flow::happens(tx, scene, &mut session, event, fx).map(drop)
}

/// The customer tapped the button for a person.
pub(crate) fn person_wanted(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    envelope: &Arc<Envelope>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let mut session = ensure_open(tx, scene, conversation, fx)?;
    match (&session.state, &session.holder) {
        (State::New, _) if scene.tenant.robot.is_some() => {
            greet(tx, scene, &mut session, fx)?;
            robot::hand_over(tx, scene, &mut session, robot::Wish::of(Reason::Asked), fx)
        }
        (State::Bot, Holder::Robot | Holder::Flow) => {
            flow::abandon(tx, scene, &session, "handoff", fx)?;
            robot::hand_over(tx, scene, &mut session, robot::Wish::of(Reason::Asked), fx)
        }
        _ => contact_said(tx, scene, (session, Deadlines::UNKNOWN), envelope, fx),
    }
}

/// What a message says about a session that is over, if it does: nobody who serves now, in the open session, is meant.
pub(super) fn rates(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    open: Option<&Session>,
    content: &Content,
) -> Result<Option<flow::Rating>, Error> {
    let free =
        open.is_none_or(|open| matches!((&open.state, &open.holder), (State::New, _) | (State::Bot, Holder::Robot)));
    if free && scene.tenant.survey.is_some() { flow::survey_answered(tx, scene, conv, content) } else { Ok(None) }
}

/// The customer left the account: nobody can be reached any more. Who waits stops waiting; who is served is kept,
/// and the agent is told.
pub(crate) fn unfollowed(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(mut session) = store::open_of(tx, conversation.conv)? else { return Ok(()) };
    match session.state {
        State::Active => {
            let (session_id, conv, contact) = (session.session, session.conv, conversation.contact);
            let gone = Gone { session: session_id, conv, contact, why: "unsubscribed".into() };
            record(tx, scene, &session, &gone, fx)
        }
        State::New | State::Bot | State::Queued => {
            ending::finish(tx, scene, &mut session, EndedBy::Contact, "unsubscribed", fx)
        }
        State::Ended => Ok(()),
    }
}

/// Whether the customer of a conversation has a socket open.
pub(super) fn contact_here(tx: &mut Tx<'_>, conversation: &Conversation) -> Result<bool, Error> {
    Ok(lease::any(tx, &format!("contact:{}", conversation.contact))?)
}
