//! Appending to a conversation's log and telling who follows it. Knows the log, not who decides what is said.

use std::sync::Arc;

use super::call::push::Told;
use super::effect::{Effect, Effects, Push};
use super::event::{self, emit};
use super::mark::marked;
use super::{Core, Error, Scene};
use crate::channel::capabilities;
use crate::config::{Bug, planted};
use crate::hub::{Frame, Hint, Recipient};
use crate::model::content::Content;
use crate::model::delivery::DeliveryState;
use crate::model::envelope::{Envelope, Role, Sender, Visibility};
use crate::model::event::message::{Delivered, Recalled, Receiver};
use crate::model::id::{AgentId, ClientId, ConversationId, DeviceId, MessageId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::store::conversation::{self, Conversation};
use crate::store::delivery::{self, Delivery};
use crate::store::{Tx, message, session};
use crate::template::{Audience, Prompt};

/// A message that has no place in the log yet.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) conv: ConversationId,
    pub(crate) session: Option<SessionId>,
    pub(crate) from: Sender,
    pub(crate) visibility: Visibility,
    pub(crate) content: Content,
    pub(crate) cid: Option<(DeviceId, ClientId)>,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) replaces: Option<MessageId>,
    pub(crate) ext_id: Option<String>,
    pub(crate) raw_type: Option<String>,
    pub(crate) control_epoch: i64,
}

impl Draft {
    /// A message of the gateway itself, for everybody in the conversation.
    pub(crate) fn system(conv: ConversationId, session: Option<SessionId>, content: Content) -> Self {
        Self {
            conv,
            session,
            from: Sender { role: Role::System, id: "system".into(), name: None },
            visibility: Visibility::All,
            content,
            cid: None,
            reply_to: None,
            replaces: None,
            ext_id: None,
            raw_type: None,
            control_epoch: 0,
        }
    }
}

/// Gives the draft its place, stores it with its outbox row and its delivery, and notes whom to tell.
pub(crate) fn append(tx: &mut Tx<'_>, scene: &Scene, draft: Draft, fx: &mut Effects) -> Result<Arc<Envelope>, Error> {
    let conversation = conversation::advance(tx, draft.conv, scene.now)?.ok_or_else(Error::not_found)?;
    let agents = match draft.session {
        Some(session) => session::followers(tx, session)?,
        None => Vec::new(),
    };
    place(tx, scene, &conversation, draft, agents, fx)
}

/// As [`append`], for whoever has read in this transaction where the message goes and who follows.
pub(crate) fn append_to(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &mut Conversation,
    draft: Draft,
    agents: Vec<AgentId>,
    fx: &mut Effects,
) -> Result<Arc<Envelope>, Error> {
    conversation::step(tx, conversation, scene.now)?;
    place(tx, scene, conversation, draft, agents, fx)
}

/// As [`append`], under the `seq` that the conversation has just given out, for these agents who follow.
pub(crate) fn place(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    draft: Draft,
    agents: Vec<AgentId>,
    fx: &mut Effects,
) -> Result<Arc<Envelope>, Error> {
    let (device, cid) = draft.cid.unzip();
    let mut channel = conversation.origin(tx).channel;
    channel.ext_id = draft.ext_id;
    channel.raw_type = draft.raw_type;
    let envelope = Arc::new(Envelope {
        v: 1,
        id: MessageId::generate(scene.now),
        tenant: tx.tenant().clone(),
        conv: draft.conv,
        session: draft.session,
        seq: conversation.last_seq,
        cid,
        ts: scene.now,
        from: draft.from,
        visibility: draft.visibility,
        fallback: draft.content.fallback(),
        content: draft.content,
        reply_to: draft.reply_to,
        replaces: draft.replaces,
        channel,
        control_epoch: draft.control_epoch,
    });
    message::insert(tx, &envelope, device.as_ref().map(DeviceId::as_str))?;
    event::accepted(tx, scene, &envelope)?;
    if let Content::Recall { target } = envelope.content {
        let (conv, session, seq) = (envelope.conv, envelope.session, envelope.seq);
        emit(tx, scene, &Recalled { conv, session, message: target, seq })?;
    }
    route_out(tx, scene, conversation, &envelope, fx)?;
    let socket = capabilities(conversation.kind).is_some_and(|channel| channel.socket);
    let contact = socket.then_some(conversation.contact);
    fx.push(Effect::Message { envelope: Arc::clone(&envelope), contact, agents });
    Ok(envelope)
}

/// Whether a message has to leave through a channel that is called.
fn leaves(conversation: &Conversation, envelope: &Envelope) -> bool {
    capabilities(conversation.kind).is_some_and(|channel| !channel.socket)
        && envelope.from.role != Role::Contact
        && envelope.for_contact()
        && !matches!(envelope.content, Content::Event { .. } | Content::Recall { .. })
}

/// Puts the message into the passive slot or notes it for the channel's sender.
fn route_out(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    envelope: &Envelope,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !leaves(conversation, envelope) {
        return Ok(());
    }
    // The free slot is for machines; it takes texts only, and a list is one there.
    let machine = matches!(envelope.from.role, Role::System | Role::Robot | Role::Flow);
    let rides = match &envelope.content {
        Content::Text { text } if machine => fx.ride(envelope.conv, text),
        Content::Menu { .. } if machine => fx.ride(envelope.conv, &envelope.fallback),
        _ => false,
    };
    delivery::insert(
        tx,
        &Delivery {
            conv: envelope.conv,
            seq: envelope.seq,
            account: conversation.account.clone(),
            state: if rides { DeliveryState::Delivered } else { DeliveryState::Pending },
            part: 0,
            attempts: 0,
            next_at: if rides { Millis(i64::MAX) } else { scene.now },
            code: None,
            detail: rides.then(|| "passive".to_owned()),
        },
    )?;
    if rides {
        let (conv, seq, message) = (envelope.conv, envelope.seq, Some(envelope.id));
        return emit(tx, scene, &Delivered { conv, receiver: Receiver::Channel, seq, message });
    }
    fx.push(Effect::Deliver(envelope.conv));
    Ok(())
}

/// Renders one of the tenant's texts and appends it as a message of the gateway.
pub(crate) fn prompt(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    session: Option<SessionId>,
    prompt: &Prompt<'_>,
    fx: &mut Effects,
) -> Result<Arc<Envelope>, Error> {
    let audience = Audience { tenant: &scene.tenant.id, name: &scene.tenant.name, lang: scene.tenant.lang };
    let text = scene.templates.render(&audience, prompt).map_err(Error::internal)?;
    append(tx, scene, Draft::system(conv, session, Content::text(text)), fx)
}

impl Core {
    /// Tells sockets and services what a committed transaction did. Never waits and never fails: whoever is not
    /// reached finds it in the log.
    pub(crate) fn announce(&self, tenant: &TenantId, effects: Effects) {
        for effect in effects.into_list() {
            match effect {
                Effect::Message { envelope, .. } if planted(Bug::HintForgotten) && envelope.seq % 3 == 0 => {}
                Effect::Message { envelope, contact, agents } => self.tell_message(tenant, envelope, contact, agents),
                Effect::Agent(agent, Push::Conversation(mut view)) => {
                    view.last = view.last.take().map(|last| self.dress(last));
                    self.tell(&Recipient::Agent(tenant.clone(), agent), &Push::Conversation(view));
                }
                Effect::Agent(agent, push) => self.tell(&Recipient::Agent(tenant.clone(), agent), &push),
                Effect::Agents(push) => self.tell(&Recipient::Agents(tenant.clone()), &push),
                Effect::Contact(contact, push) => self.tell(&Recipient::Contact(tenant.clone(), contact), &push),
                Effect::Route => self.inner.routes.ring(tenant),
                Effect::Deliver(_) => self.inner.deliveries.notify_one(),
                Effect::Timer => self.inner.timers.notify_one(),
                Effect::Suggest(agent, envelope) => self.listen(tenant, agent, envelope),
                Effect::Turn => self.inner.turns.notify_one(),
                Effect::Asked => self.inner.calls.notify_one(),
                Effect::Call(told) => self.tell_call(tenant, &told),
                Effect::Answered(slot, answer) => self.inner.slots.tell(tenant, slot, answer),
            }
        }
    }

    /// Tells sockets of this node how things stand that another node has changed: not those that know.
    pub(super) fn announce_here(&self, tenant: &TenantId, effects: Effects) {
        for effect in effects.into_list() {
            let (to, push) = match effect {
                Effect::Agents(push) => (Recipient::Agents(tenant.clone()), push),
                Effect::Agent(agent, push) => (Recipient::Agent(tenant.clone(), agent), push),
                Effect::Contact(contact, push) => (Recipient::Contact(tenant.clone(), contact), push),
                Effect::Message { .. }
                | Effect::Route
                | Effect::Deliver(_)
                | Effect::Timer
                | Effect::Suggest(..)
                | Effect::Turn
                | Effect::Asked
                | Effect::Call(_)
                | Effect::Answered(..) => continue,
            };
            match marked(&push) {
                Ok(frame) => self.hub().publish_here(&to, &Hint::Swept(frame)),
                Err(error) => tracing::error!(error = %error, "a push could not be written"),
            }
        }
    }

    /// Tells a party of a call, or some of its devices.
    pub(super) fn tell_call(&self, tenant: &TenantId, told: &Told) {
        match told.frame(self.hub().spans_nodes()) {
            Ok(frame) => self.hub().publish(&told.recipient(tenant), &Hint::Frame(frame)),
            Err(error) => tracing::error!(error = %error, "a push could not be written"),
        }
    }

    fn tell(&self, to: &Recipient, push: &Push) {
        let frame = match self.hub().spans_nodes() {
            true => marked(push),
            false => serde_json::to_string(push).map(Frame::plain),
        };
        match frame {
            Ok(frame) => self.hub().publish(to, &Hint::Frame(frame)),
            Err(error) => tracing::error!(error = %error, "a push could not be written"),
        }
    }
}
